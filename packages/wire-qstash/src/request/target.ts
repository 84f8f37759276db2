/** A request target in its two halves, as received. */
export interface Target {
  readonly path: string;
  /** Without the question mark; undefined when there was none. */
  readonly query: string | undefined;
}

const AUTHORITY = /^https?:\/\/[^/?#]*/i;

/**
 * Splits the raw target at its first question mark, and changes nothing else: no decoding, no path
 * merging. An absolute target (`POST http://host/v2/…`) loses its scheme and authority.
 */
export function splitTarget(raw: string): Target {
  const target = raw.startsWith("/") ? raw : raw.replace(AUTHORITY, "");
  const mark = target.indexOf("?");
  return mark === -1
    ? { path: target, query: undefined }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}
