import type { DeadLetterQuery } from "@omnistore/domain/history/dead-letter";
import type { Parameter } from "../request/query.ts";
import { DEAD_LETTER_PARAMETERS, decodeDeadLetterQuery } from "./dead-letter-query.ts";
import { onePlaceOf } from "./one-place-of.ts";
import { strictParameters } from "./strict-parameters.ts";

/** Which dead letters a call that changes many is about. */
export type GivenDeadLetters =
  | { readonly kind: "ids"; readonly texts: readonly string[] }
  | { readonly kind: "page"; readonly query: DeadLetterQuery }
  /** The filters name something that no entry can have. */
  | { readonly kind: "none" };

/** Ids, wherever they are given, win over filters; nothing at all means a page of everything. Contract 03 §5. */
export function decodeGivenDeadLetters(
  given: readonly Parameter[],
  bodyIds: readonly string[] | undefined,
): GivenDeadLetters {
  const parameters = strictParameters(given, DEAD_LETTER_PARAMETERS);
  const query = decodeDeadLetterQuery(parameters);
  const queryIds = parameters.many(["dlqIds"]);
  if (queryIds !== undefined || bodyIds !== undefined) {
    return { kind: "ids", texts: [...new Set(onePlaceOf("dlqIds", queryIds, bodyIds))] };
  }
  return query === null ? { kind: "none" } : { kind: "page", query };
}
