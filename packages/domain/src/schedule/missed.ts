import type { Cron } from "./cron.ts";
import { lastRun, nextRun } from "./next-run.ts";

/** What becomes of a schedule whose time has come. All times are unix milliseconds. */
export interface DueDecision {
  /** The tick to fire now; null when the last one missed is too old. */
  readonly fireMs: number | null;
  /** The tick after that, always in the future; null when there is none. */
  readonly nextMs: number | null;
  /** First and last of the ticks that are left out, when any are. */
  readonly skipped: { readonly firstMs: number; readonly lastMs: number } | null;
}

/** The shortest period that five fields can name: a tick younger than this is never too old. */
const SHORTEST_PERIOD_MS = 60_000;
/** The longest is from one 29 February to the next around a year like 2100. */
const LONGEST_PERIOD_MS = 9 * 366 * 86_400_000;

/**
 * Decides which of the ticks from `dueMs` to `nowMs` fires: the last of them, once, if it is less
 * than one period old; the period is its distance from the tick before it. All others are skipped.
 * Without down-time there is one tick, and it fires. `followingMs` is the tick after `dueMs`, for
 * those who know it already. Contract 07 Q23.
 */
export function decideDue(
  cron: Cron,
  dueMs: number,
  nowMs: number,
  followingMs = nextRun(cron, dueMs),
): DueDecision {
  const isOnlyOne = followingMs === null || followingMs > nowMs;
  const lastMs = isOnlyOne ? dueMs : (lastRun(cron, dueMs, nowMs) ?? dueMs);
  const nextMs = isOnlyOne ? followingMs : nextRun(cron, nowMs);
  const ageMs = nowMs - lastMs;
  if (ageMs >= SHORTEST_PERIOD_MS && ageMs >= periodBefore(cron, lastMs)) {
    return { fireMs: null, nextMs, skipped: { firstMs: dueMs, lastMs } };
  }
  const lastSkippedMs = lastMs === dueMs ? null : lastRun(cron, dueMs, lastMs - 1);
  const skipped = lastSkippedMs === null ? null : { firstMs: dueMs, lastMs: lastSkippedMs };
  return { fireMs: lastMs, nextMs, skipped };
}

function periodBefore(cron: Cron, tickMs: number): number {
  const before = lastRun(cron, tickMs - LONGEST_PERIOD_MS, tickMs - 1);
  return before === null ? Number.POSITIVE_INFINITY : tickMs - before;
}
