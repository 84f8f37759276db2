import { limitText } from "@omnistore/domain/tenant/limit-text";
import type { Plan } from "@omnistore/domain/tenant/plans";
import { definedOnly } from "../defined-only.ts";
import { InvalidRequest } from "../errors.ts";
import { givenTwice } from "../headers/configuration.ts";
import { isFieldName, unprintableValue } from "../headers/field-text.ts";
import { checkName } from "../headers/name.ts";
import type { JsonObject } from "../request/json-body.ts";
import { isObject, quoteJson } from "../request/json-body.ts";
import { refuseUnknownNames } from "../request/known-names.ts";

/** One item of a batch, of which only the destination has been looked at. */
export interface BatchItem {
  readonly destination: string;
  readonly fields: JsonObject;
}

/** What an item of a batch brings besides its destination. */
export interface ItemContent {
  /** Name, value, name, value …, like the raw headers of a request, but text. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly queueName?: string;
}

/**
 * The items of a batch. Throws 400 for a body that is no list and for an item that has no
 * destination, and 413 for too many. Contract 01 §8, §9.
 */
export function readItems(body: unknown, plan: Plan): readonly BatchItem[] {
  if (!Array.isArray(body)) {
    throw new InvalidRequest(400, `the batch is not a list of messages: ${quoteJson(body)}`);
  }
  if (body.length > plan.limits.batchItems) {
    const limit = limitText(plan, "batchItems");
    throw new InvalidRequest(413, `the batch has ${body.length} messages, more than ${limit}`);
  }
  return body.map((item: unknown, index) => {
    const destination = isObject(item) ? item["destination"] : undefined;
    if (isObject(item) && typeof destination === "string") return { destination, fields: item };
    throw new InvalidRequest(400, `item ${index} has no destination: ${quoteJson(item)}`);
  });
}

/** Reads the rest of an item. Throws 400, or 413 for its body, in words about this item. */
export function readItem(fields: JsonObject, plan: Plan): ItemContent {
  refuseUnknownNames(fields, ITEM_NAMES, "the item");
  const { headers, body, queue, callback } = fields;
  const rawHeaders = readHeaders(headers);
  if (callback !== undefined && callback !== null) {
    if (typeof callback !== "string") throw bad("callback", callback, "is not a text");
    const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && CALLBACK.test(name));
    const inHeaders = at === -1 ? undefined : rawHeaders[at + 1];
    if (inHeaders === undefined) rawHeaders.push("Upstash-Callback", callback);
    else if (inHeaders !== callback.trim()) throw givenTwice("callback", callback, inHeaders);
  }
  return definedOnly({ rawHeaders, body: readItemBody(body, plan), queueName: readQueue(queue) });
}

const ITEM_NAMES = ["destination", "headers", "body", "queue", "callback"];
const CALLBACK = /^upstash-callback$/i;

function readHeaders(headers: unknown): string[] {
  if (headers === undefined || headers === null) return [];
  if (!isObject(headers)) throw bad("headers", headers, "is not an object");
  return Object.entries(headers).flatMap(([name, value]) => {
    if (!isFieldName(name)) throw bad("headers", name, "holds what is no header name");
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.flatMap((each) => {
      if (typeof each !== "string") {
        throw bad("headers", { [name]: value }, "holds a value that is not a text");
      }
      const problem = unprintableValue(each.trim());
      if (problem !== null) throw bad("headers", { [name]: value }, problem);
      return [name, each.trim()];
    });
  });
}

function readItemBody(body: unknown, plan: Plan): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body !== "string") throw bad("body", body, "is not a text");
  // It has no bytes: what would be sent in its place is another body.
  if (!body.isWellFormed()) throw bad("body", body, "holds half a surrogate pair");
  const bytes = Buffer.from(body);
  const { messageBytes } = plan.limits;
  if (bytes.length <= messageBytes) return bytes;
  throw new InvalidRequest(
    413,
    `the body is too large: ${bytes.length} bytes, more than ${limitText(plan, "messageBytes")}`,
  );
}

function readQueue(queue: unknown): string | undefined {
  if (queue === undefined || queue === null) return undefined;
  if (typeof queue !== "string") throw bad("queue", queue, "is not a text");
  return checkName("queue", queue);
}

function bad(field: string, value: unknown, problem: string): InvalidRequest {
  return new InvalidRequest(400, `${field} ${problem}: ${quoteJson(value)}`);
}
