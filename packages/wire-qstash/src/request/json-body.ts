import type { IncomingMessage } from "node:http";
import { MAX_REQUEST_BYTES } from "@omnistore/domain/message/limits";
import { repeatedName } from "@omnistore/domain/message/repeated-name";
import { decodeUtf8, faultOfJson } from "@omnistore/domain/message/sound-json";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { readBody } from "./body.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** The JSON that a request brings; 400 when it is none. */
export async function readJson(
  incoming: IncomingMessage,
  maxBytes = MAX_REQUEST_BYTES,
): Promise<unknown> {
  const bytes = await readBody(incoming, maxBytes);
  const text = decodeUtf8(bytes);
  if (text === null) {
    throw new InvalidRequest(400, `the body is not UTF-8: ${quote(bytes.toString("utf8"))}`);
  }
  const value = parse(text);
  const fault = faultOfJson(value);
  if (fault !== null) throw new InvalidRequest(400, `the body ${fault}: ${quote(text)}`);
  refuseRepeatedName(text);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidRequest(400, `the body is not JSON: ${quote(text)}`);
  }
}

/** Throws 400 for JSON that names a thing twice: either value could be the one that was meant. */
export function refuseRepeatedName(text: string): void {
  const name = repeatedName(text);
  if (name === undefined) return;
  throw new InvalidRequest(400, `the body has ${quote(name)} twice in one object: ${quote(text)}`);
}

/** The JSON object that a request brings; 400 when it brings something else. */
export async function readJsonObject(incoming: IncomingMessage): Promise<JsonObject> {
  const value = await readJson(incoming);
  if (isObject(value)) return value;
  throw new InvalidRequest(400, `the body is not a JSON object: ${quoteJson(value)}`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value of a caller's JSON made fit for a message. */
export function quoteJson(value: unknown): string {
  if (value === undefined) return "nothing";
  return quote(typeof value === "string" ? value : JSON.stringify(value));
}
