import type { IncomingMessage } from "node:http";
import { decodeUtf8 } from "@omnistore/domain/message/sound-json";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { readBody } from "./body.ts";
import { refuseRepeatedName } from "./json-body.ts";

/**
 * The ids of a call that names what it changes in its body, `{"<field>": ["id", …]}`; undefined when
 * there is no body. A body that is anything else is 400: to read it as "everything" would be fatal.
 * Contract 03 §1, 05 §6.
 */
export async function readBodyIds(
  incoming: IncomingMessage,
  field: string,
): Promise<readonly string[] | undefined> {
  const bytes = await readBody(incoming);
  if (bytes.length === 0) return undefined;
  const text = decodeUtf8(bytes);
  if (text === null) {
    throw new InvalidRequest(400, `the body is not UTF-8: ${quote(bytes.toString("utf8"))}`);
  }
  const fields = Object.entries(parse(text) ?? {});
  const [[name, ids] = []] = fields;
  if (fields.length === 1 && name === field && isListOfIds(ids)) {
    refuseRepeatedName(text);
    return ids;
  }
  throw new InvalidRequest(
    400,
    `the body is not {"${field}": ["id", …]} with at least one id: ${quote(text)}`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isListOfIds(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((id) => typeof id === "string" && id !== "")
  );
}
