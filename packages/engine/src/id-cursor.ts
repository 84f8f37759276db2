import { isUuid } from "@omnistore/domain/message/message-id";

/** The cursor of a list in the order of ids: the last id of a page, opaque to clients. */
export function encodeIdCursor(id: string): string {
  return Buffer.from(id).toString("base64url");
}

/** The id that a cursor stands for, or null when it is not written as `encodeIdCursor` writes it. */
export function decodeIdCursor(cursor: string): string | null {
  const id = Buffer.from(cursor, "base64url").toString();
  return isUuid(id) && encodeIdCursor(id) === cursor ? id : null;
}
