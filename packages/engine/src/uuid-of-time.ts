/** Latest time that a uuidv7 can hold, unix milliseconds. */
export const LATEST_UUID_MS = 2 ** 48 - 1;

/** The first or the last uuid of a millisecond (unix), in the order of uuids. */
export function uuidOfTime(unixMs: number, place: "first" | "last"): string {
  const time = Math.min(Math.max(unixMs, 0), LATEST_UUID_MS).toString(16).padStart(12, "0");
  const hex = time.padEnd(32, place === "first" ? "0" : "f");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}
