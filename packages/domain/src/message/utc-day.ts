export const DAY_MS = 86_400_000;

/** The UTC day that a moment lies in, counted from 1970-01-01. */
export function utcDay(unixMs: number): number {
  return Math.floor(unixMs / DAY_MS);
}

/** `YYYY-MM-DD` of a day counted from 1970-01-01; years from 10000 on have five digits and no sign. */
export function utcDayText(day: number): string {
  const text = new Date(day * DAY_MS).toISOString();
  return text.startsWith("+0") ? text.slice(2, 13) : text.slice(0, 10);
}
