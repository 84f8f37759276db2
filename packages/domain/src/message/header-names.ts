const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * The one spelling that a header name has with us: the first letter and every letter after a
 * hyphen in upper case, the others in lower case (`x-my-header` is `X-My-Header`). A text that
 * cannot be a header name comes back as it is, as in Go's net/textproto. Contract 00 §7.
 */
export function canonicalHeaderName(name: string): string {
  if (!TOKEN.test(name)) return name;
  // Word by word rather than by a replacing expression: a third of its time, for every header.
  let canonical = "";
  for (let start = 0; start < name.length;) {
    const hyphen = name.indexOf("-", start);
    const end = hyphen === -1 ? name.length : hyphen + 1;
    canonical += name.charAt(start).toUpperCase() + name.slice(start + 1, end).toLowerCase();
    start = end;
  }
  return canonical;
}
