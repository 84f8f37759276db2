import type { IncomingHttpHeaders } from "node:http";
import { decodeMessageId } from "../ids.ts";

/**
 * The id of the message that a request is a delivery of, or null when it is none of this product's.
 * Publishers cannot take the id and the signature off a delivery, so one that arrives at an API of
 * ours is known by them, whatever name or proxy it came by.
 */
export function deliveredMessageId(headers: IncomingHttpHeaders): string | null {
  const id = headers["upstash-message-id"];
  if (typeof id !== "string" || headers["upstash-signature"] === undefined) return null;
  return decodeMessageId(id) === null ? null : id;
}
