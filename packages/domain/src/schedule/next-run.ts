import type { Cron } from "./cron.ts";
import { findOffsetChange, firstMomentOf, UTC } from "./time-zone.ts";

const MINUTE_MS = 60_000;

/**
 * The first moment after `afterMs` at which a schedule fires, or null when there is none. Unix
 * milliseconds.
 *
 * When clocks change (`docs/schedules.md`): a schedule that names hours of the day fires once for
 * each local time that it names, a repeated one at its first showing, a skipped one at the first
 * moment after the gap. One that fires in every hour fires whenever the clocks show a time that it
 * names, so it goes on at its pace through both hours of a repeated one, and jumps with the clocks.
 */
export function nextRun(cron: Cron, afterMs: number): number | null {
  if (cron.timeZone === UTC) return cron.nextLocal(afterMs);
  return cron.everyHour ? nextShowing(cron, afterMs) : nextNamedTime(cron, afterMs);
}

/**
 * The latest moment, from `sinceMs` to `untilMs`, at which a schedule fires, or null. Looks back in
 * doubling steps and then halves what is left, so a long stretch costs little more than a short one.
 */
export function lastRun(cron: Cron, sinceMs: number, untilMs: number): number | null {
  for (let backMs = MINUTE_MS; ; backMs *= 2) {
    const fromMs = Math.max(sinceMs, untilMs - backMs) - 1;
    const found = nextRun(cron, fromMs);
    if (found !== null && found <= untilMs) return lastAfter(cron, found, untilMs);
    if (fromMs < sinceMs) return null;
  }
}

/** The latest run up to `untilMs`, given one that is not later. */
function lastAfter(cron: Cron, runMs: number, untilMs: number): number {
  let latest = runMs;
  let beyond = untilMs;
  for (;;) {
    const next = nextRun(cron, latest);
    if (next === null || next > untilMs) return latest;
    const middle = Math.max(next, Math.floor((next + beyond) / 2));
    const later = nextRun(cron, middle);
    if (later !== null && later <= untilMs) {
      latest = later;
    } else {
      latest = next;
      beyond = middle;
    }
  }
}

/**
 * Local times in order have first moments in order, so the next one that lies ahead is the answer.
 * More than one step is needed only while clocks show an hour for the second time.
 */
function nextNamedTime({ timeZone, nextLocal }: Cron, afterMs: number): number | null {
  let local: number | null = afterMs + timeZone.offsetAt(afterMs);
  for (;;) {
    local = nextLocal(local);
    if (local === null) return null;
    const moment = firstMomentOf(timeZone, local);
    if (moment > afterMs) return moment;
  }
}

/** Counts on with one offset until the clocks change, and from there with the next one. */
function nextShowing({ timeZone, nextLocal }: Cron, afterMs: number): number | null {
  let fromMs = afterMs;
  // One millisecond less lets the moment of a change itself be found.
  for (let backMs = 0; ; backMs = 1) {
    const offset = timeZone.offsetAt(fromMs);
    const local = nextLocal(fromMs + offset - backMs);
    if (local === null) return null;
    const change = findOffsetChange(timeZone, fromMs, local - offset);
    if (change === null) return local - offset;
    fromMs = change;
  }
}
