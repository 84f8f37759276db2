/** Deeper than any document of ours, and far from where a parser or a printer runs out of stack. */
const MAX_DEPTH = 100;

/** The bytes of a JSON document as text; null when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Why a parsed JSON value is not to be worked with, completing "the body …"; null when it is sound.
 * Works level by level, so that it needs no stack itself.
 */
export function faultOfJson(value: unknown): string | null {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
    level = level.flatMap(partsOf);
  }
  return null;
}

function partsOf(value: unknown): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Array.isArray(value) ? value : Object.values(value);
}
