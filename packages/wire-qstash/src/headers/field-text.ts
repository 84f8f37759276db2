import { decodeUtf8 } from "@omnistore/domain/message/sound-json";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const UNSENDABLE = /[^\t\u0020-\u007e\u0080-\u00ff]/;

/** Whether HTTP allows the text as a header name. */
export function isFieldName(text: string): boolean {
  return TOKEN.test(text);
}

/** Whether an HTTP client will send the text as a header value: Latin-1 without control characters. */
export function isFieldValue(text: string): boolean {
  return !UNSENDABLE.test(text);
}

const CONTROL_CHARACTER = /\p{Cc}/u;

/** Why a text cannot be a label or a flow-control key, which may be any printable one; or null. */
export function unprintable(text: string): string | null {
  if (CONTROL_CHARACTER.test(text)) return "holds a control character";
  return text.isWellFormed() ? null : "holds half a surrogate pair";
}

/** The same of a text that is to be a header's value, in which tabs are blanks. */
export function unprintableValue(text: string): string | null {
  return unprintable(text.replaceAll("\t", " "));
}

const BEYOND_ASCII = /[\u0080-\uffff]/;

/**
 * The text that a header's value means. Node shows its bytes as Latin-1, but whoever writes a text
 * by hand writes UTF-8: bytes that are UTF-8 are read as such.
 */
export function fromFieldValue(value: string): string {
  if (!BEYOND_ASCII.test(value)) return value;
  return decodeUtf8(Buffer.from(value, "latin1")) ?? value;
}

/** A printable text as a header can carry it: as it is when it is Latin-1, else its UTF-8 bytes. */
export function toFieldValue(text: string): string {
  return isFieldValue(text) ? text : toUtf8FieldValue(text);
}

/** The bytes of a text in UTF-8 as a header can carry them, each as a character of Latin-1. */
export function toUtf8FieldValue(text: string): string {
  return BEYOND_ASCII.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
}
