import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import type { JsonObject } from "./json-body.ts";

/**
 * Throws 400 for a name that `whose` does not have: what is misspelt would be left out, and what
 * was meant would not happen without anybody knowing.
 */
export function refuseUnknownNames(
  given: JsonObject,
  known: readonly string[],
  whose: string,
): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new InvalidRequest(
    400,
    `${whose} has the unknown name ${quote(unknown)}; known are ${known.join(", ")}`,
  );
}
