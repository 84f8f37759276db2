import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";

/** One parameter of a query string, with the text it was read from. */
export interface Parameter {
  readonly raw: string;
  readonly name: string;
  /** Null when it is not percent-encoded UTF-8, which matters only if somebody needs it. */
  readonly value: string | null;
}

/**
 * The parameters of a query string in the order received. A name that cannot be decoded stays as
 * it is: nobody can have meant one of ours by it.
 */
export function parseQuery(query: string | undefined): readonly Parameter[] {
  if (query === undefined || query === "") return [];
  return query.split("&").map((raw) => {
    const equals = raw.indexOf("=");
    if (equals === -1) return { raw, name: decode(raw) ?? raw, value: "" };
    const rawName = raw.slice(0, equals);
    return { raw, name: decode(rawName) ?? rawName, value: decode(raw.slice(equals + 1)) };
  });
}

/** The value of a parameter that is ours; throws 400 when it cannot be decoded. */
export function valueOf(parameter: Parameter): string {
  if (parameter.value !== null) return parameter.value;
  throw new InvalidRequest(
    400,
    `query parameter ${quote(parameter.name)} is not percent-encoded UTF-8: ${quote(parameter.raw)}`,
  );
}

/** Form encoding: a plus is a blank. Null when the escapes are broken. */
function decode(text: string): string | null {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return null;
  }
}
