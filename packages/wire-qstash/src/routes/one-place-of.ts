import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";

/** The ids of the query or of the body. 400 when both have some: one of the two was not meant. */
export function onePlaceOf(
  field: string,
  inQuery: readonly string[] | undefined,
  inBody: readonly string[] | undefined,
): readonly string[] {
  if (inQuery === undefined || inBody === undefined) return inQuery ?? inBody ?? [];
  throw new InvalidRequest(
    400,
    `${field} was given twice, in the query (${quote(inQuery.join(","))}) and in the body (${quote(inBody.join(","))}): nothing was changed`,
  );
}
