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
