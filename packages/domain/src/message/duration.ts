const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of a duration as headers write it: a sum of `<integer><unit>` with the units
 * s, m, h and d in any order (`1d10h30m`), or a bare integer of seconds. Null when the text is
 * anything else, or more than a safe integer of milliseconds. Contract 00 §7, 07 Q46.
 */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (!/^(?:\d+|(?:\d+[smhd])+)$/.test(trimmed)) return null;
  let totalMs = 0;
  for (const [, count, unit = "s"] of trimmed.matchAll(/(\d+)([smhd])?/g)) {
    totalMs += Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  }
  return Number.isSafeInteger(totalMs) ? totalMs : null;
}
