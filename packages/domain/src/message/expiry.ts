import {
  MAX_DELAY_MS,
  MAX_RETENTION_DAYS,
  MAX_RETRIES,
  MAX_RETRY_DELAY_MS,
  MAX_TIMEOUT_MS,
} from "./limits.ts";
import { MAX_KEEP_DAYS } from "./message-id.ts";
import { DAY_MS, utcDay, utcDayText } from "./utc-day.ts";

/** Up to so many days ahead messages expire on any day; further ahead only on the first of a month. */
export const DAILY_HORIZON_DAYS = 45;
/** And further ahead than this, which is a delay of a year and a few retries, only on the first of January. */
const MONTHLY_HORIZON_DAYS = 400;

/** Spare for clocks. */
const SPARE_DAYS = 1;

const LONGEST_DAYS =
  Math.ceil((MAX_DELAY_MS + longestAttemptsMs(MAX_RETRIES, MAX_TIMEOUT_MS)) / DAY_MS) +
  MAX_RETENTION_DAYS +
  SPARE_DAYS;

/**
 * How many days after its own day (UTC) a message expires: when every attempt has taken its whole
 * time, every retry has waited its longest, and what came of it is no longer kept. Far-off days are
 * moved on to the first of a month, and those beyond a year to the first of January, so that a year ahead
 * takes a dozen partitions and a decade ten more.
 * Throws RangeError when an id cannot hold the result: callers hold their input to the limits.
 */
export function keepDays(input: {
  readonly nowMs: number;
  readonly firstAttemptMs: number;
  readonly maxRetries: number;
  readonly timeoutMs: number;
  /** How long it can be read after its last attempt. */
  readonly retentionDays: number;
}): number {
  const { nowMs, firstAttemptMs, maxRetries, timeoutMs, retentionDays } = input;
  const lastAttemptMs = Math.max(nowMs, firstAttemptMs) + longestAttemptsMs(maxRetries, timeoutMs);
  const today = utcDay(nowMs);
  const lastNeeded = utcDay(lastAttemptMs) + retentionDays + SPARE_DAYS;
  const expiry = expiryFrom(lastNeeded, lastNeeded - today);
  if (!(expiry - today <= MAX_KEEP_DAYS)) {
    throw new RangeError(`a message cannot be kept for ${expiry - today} days`);
  }
  return expiry - today;
}

/**
 * `YYYY-MM-DD` of every day on which a message stored today or tomorrow can expire, in order: the
 * partitions that have to be there beforehand.
 */
export function partitionDays(todayMs: number): string[] {
  const tomorrow = utcDay(todayMs) + 1;
  const last = expiryFrom(tomorrow + LONGEST_DAYS, LONGEST_DAYS);
  const lastDaily = tomorrow + DAILY_HORIZON_DAYS;
  const lastMonthly = firstOfMonthFrom(tomorrow + MONTHLY_HORIZON_DAYS);
  const days: string[] = [];
  for (let day = tomorrow - 1; day <= last; day = dayAfter(day, lastDaily, lastMonthly)) {
    days.push(utcDayText(day));
  }
  return days;
}

function dayAfter(day: number, lastDaily: number, lastMonthly: number): number {
  if (day < lastDaily) return day + 1;
  return day < lastMonthly ? firstOfMonthFrom(day + 1) : firstOfYearFrom(day + 1);
}

/** The day on which what is needed until `lastNeeded`, so many days ahead, expires. */
function expiryFrom(lastNeeded: number, daysAhead: number): number {
  if (daysAhead > MONTHLY_HORIZON_DAYS) return firstOfYearFrom(lastNeeded);
  return daysAhead > DAILY_HORIZON_DAYS ? firstOfMonthFrom(lastNeeded) : lastNeeded;
}

/** One day for each retry, because a receiver may ask for that much whatever was planned. */
function longestAttemptsMs(maxRetries: number, timeoutMs: number): number {
  return (1 + maxRetries) * timeoutMs + maxRetries * MAX_RETRY_DELAY_MS;
}

/** The day itself when it is the first of a month, else the first of the next month. */
function firstOfMonthFrom(day: number): number {
  const date = new Date(day * DAY_MS);
  if (date.getUTCDate() === 1) return day;
  return utcDay(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1));
}

/** The day itself when it is the first of a year, else the first of the next year. */
function firstOfYearFrom(day: number): number {
  const date = new Date(day * DAY_MS);
  const isFirst = date.getUTCMonth() === 0 && date.getUTCDate() === 1;
  return isFirst ? day : utcDay(Date.UTC(date.getUTCFullYear() + 1, 0, 1));
}
