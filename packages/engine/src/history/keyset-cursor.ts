import { isUuid } from "@omnistore/domain/message/message-id";

/** Where a page ended: the sort key of its last entry. */
export interface LogPosition {
  /** Unix microseconds. */
  readonly micros: number;
  readonly messageId: string;
  /** Orders the entries of one message that share a time. */
  readonly rank: number;
}

/** Opaque to clients, safe in a URL. */
export function encodePosition({ micros, messageId, rank }: LogPosition): string {
  return Buffer.from(`${micros}.${messageId}.${rank}`).toString("base64url");
}

/** The position that a cursor stands for, or null when it is not one of ours. */
export function decodePosition(cursor: string): LogPosition | null {
  const [micros, messageId, rank, rest] = Buffer.from(cursor, "base64url").toString().split(".");
  if (!isWhole(micros, 16) || !isWhole(rank, 6) || rest !== undefined) return null;
  if (messageId === undefined || !isUuid(messageId)) return null;
  const position = { micros: Number(micros), messageId, rank: Number(rank) };
  // The decoder passes over foreign characters, and numbers have many spellings: only ours is taken.
  return encodePosition(position) === cursor ? position : null;
}

function isWhole(text: string | undefined, digits: number): text is string {
  return text !== undefined && text.length <= digits && /^\d+$/.test(text);
}
