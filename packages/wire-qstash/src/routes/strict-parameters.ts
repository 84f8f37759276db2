import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { TOKEN_PARAMETER } from "../request/destination.ts";
import type { Parameter } from "../request/query.ts";
import { valueOf } from "../request/query.ts";
import { bad, ListParameters } from "./list-parameters.ts";

const NOTHING = /^[\s,]*$/;

/**
 * The query of a call that changes something: a name that is not known or a value that
 * says nothing would widen what is changed, so both are 400. Contract 03 §1, 07 Q35.
 */
export function strictParameters(
  parameters: readonly Parameter[],
  known: readonly string[],
): ListParameters {
  for (const parameter of parameters) {
    const { name, raw } = parameter;
    if (name.toLowerCase() === TOKEN_PARAMETER) continue;
    if (!known.includes(name)) {
      throw new InvalidRequest(
        400,
        `unknown parameter ${quote(raw)}: nothing was changed; ${known.length === 0 ? "this call takes none" : `known are ${known.join(", ")}`}`,
      );
    }
    const value = valueOf(parameter);
    if (NOTHING.test(value)) throw bad(name, value, "is empty: nothing was changed");
  }
  return new ListParameters(parameters);
}
