import { randomUUID } from "node:crypto";
import type { AttemptContext, OutgoingRequest } from "@omnistore/domain/delivery-wire";
import type { Message } from "@omnistore/domain/message/message";
import { toUtf8FieldValue } from "../headers/field-text.ts";
import { asReceiversRead, isForwardable } from "../headers/hygiene.ts";
import { encodeMessageId } from "../ids.ts";
import { sign } from "./signature.ts";

/** Ours on every delivery, in canonical case: what a publisher forwards under these names is dropped. */
const OURS: ReadonlySet<string> = new Set([
  "User-Agent",
  "Upstash-Message-Id",
  "Upstash-Retried",
  "Upstash-Signature",
  "Upstash-Caller-Ip",
  "Upstash-Region",
  "Upstash-Topic-Name",
  "Upstash-Schedule-Id",
]);

/**
 * One attempt as its receiver sees it: URL (without fragment), method and body as stored, the publisher's headers,
 * and ours, signed anew. Contract 02 §1.
 */
export function dressAttempt(
  message: Message,
  { retried, nowSeconds, signingKeys }: AttemptContext,
  region: string,
): OutgoingRequest {
  const { body, method, options } = message;
  const url = withoutFragment(message.destination);
  const signature = sign({ url, body, nowSeconds, id: randomUUID() }, signingKeys.current);
  const headers = [
    "User-Agent",
    "Upstash-QStash",
    "Upstash-Message-Id",
    encodeMessageId(message.id),
    "Upstash-Retried",
    String(retried),
    "Upstash-Signature",
    signature,
    "Upstash-Region",
    region,
  ];
  if (options.callerIp !== undefined) headers.push("Upstash-Caller-Ip", options.callerIp);
  if (options.topicName !== undefined) headers.push("Upstash-Topic-Name", options.topicName);
  if (options.scheduleId !== undefined) headers.push("Upstash-Schedule-Id", options.scheduleId);
  if (options.labels !== undefined) {
    headers.push("Upstash-Label", toUtf8FieldValue(options.labels.join(",")));
  }
  for (const [name, values] of Object.entries(message.headers)) {
    const read = asReceiversRead(name);
    if (OURS.has(read) || !isForwardable(name)) continue;
    if (read === "Upstash-Label" && options.labels !== undefined) continue;
    headers.push(name, joinValues(name, values));
  }
  return { url, method, headers, body };
}

/** A fragment is never sent, so a receiver can only compare `sub` with the rest. Contract 02 §6. */
function withoutFragment(destination: string): string {
  const start = destination.indexOf("#");
  return start === -1 ? destination : destination.slice(0, start);
}

/** Several values of one header are one line: the list form, which for cookies has a mark of its own. */
function joinValues(name: string, values: readonly string[]): string {
  return values.join(name === "Cookie" ? "; " : ", ");
}
