const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of a duration as headers write it: a sum of `<integer><unit>` with the units
 * s, m, h and d in any order (`1d10h30m`), or a bare integer of seconds. Null when the text is
 * anything else. What is more than a safe integer is the largest one, which no limit allows: a
 * duration that is too long is well-formed. Contract 00 §7, 06 §4, 07 Q46.
 */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (!/^(?:\d+|(?:\d+[smhd])+)$/.test(trimmed)) return null;
  let totalMs = 0;
  for (const [, count, unit = "s"] of trimmed.matchAll(/(\d+)([smhd])?/g)) {
    totalMs += Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  }
  return Math.min(totalMs, Number.MAX_SAFE_INTEGER);
}

/** So many milliseconds as headers write it: `1d10h30m`, largest unit first. A part of a second is told in `ms`. */
export function durationText(durationMs: number): string {
  if (durationMs < 1000) return `${durationMs}ms`;
  let restMs = durationMs;
  const parts = Object.entries(UNIT_MS)
    .toReversed()
    .map(([unit, unitMs]) => {
      const count = Math.floor(restMs / unitMs);
      restMs -= count * unitMs;
      return count === 0 ? "" : `${count}${unit}`;
    });
  return parts.join("") + (restMs === 0 ? "" : `${restMs}ms`);
}
