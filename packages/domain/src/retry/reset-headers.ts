import { MAX_RETRY_DELAY_MS } from "../message/limits.ts";
import type { HeaderMap } from "../message/message.ts";

/** In the order in which they are believed, spelled as a HeaderMap has them. */
const RESET_HEADERS = [
  "Retry-After",
  "X-Ratelimit-Reset",
  "X-Ratelimit-Reset-Requests",
  "X-Ratelimit-Reset-Tokens",
] as const;

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  // The micro sign and the Greek letter, and what Latin-1 makes of their UTF-8: so headers arrive.
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  "\u00c2\u00b5s": 1e-3,
  "\u00ce\u00bcs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const SECONDS = /^\d+(?:\.\d+)?$/;
const PART = String.raw`(\d+(?:\.\d+)?)((?:[num\u00b5\u03bc]|\u00c2\u00b5|\u00ce\u00bc)s|[smhd])`;
const DURATION = new RegExp(`^(?:${PART})+$`);
const DURATION_PART = new RegExp(PART, "g");
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Milliseconds that a failed answer asks us to wait before the next attempt, or null when it does
 * not. A header that cannot be read, or asks for more than one day, is passed over for the next
 * one. 0 means at once. Contract 02 §3.
 */
export function resetDelayMs(headers: HeaderMap, nowMs: number): number | null {
  for (const name of RESET_HEADERS) {
    for (const value of headers[name] ?? []) {
      const delayMs = readDelayMs(value.trim(), nowMs);
      if (delayMs !== null && delayMs <= MAX_RETRY_DELAY_MS) return Math.round(delayMs);
    }
  }
  return null;
}

function readDelayMs(value: string, nowMs: number): number | null {
  if (SECONDS.test(value)) return Number(value) * 1000;
  if (HTTP_DATE.test(value)) return untilDateMs(value, nowMs);
  if (!DURATION.test(value)) return null;
  let totalMs = 0;
  for (const [, count, unit = ""] of value.matchAll(DURATION_PART)) {
    totalMs += Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  }
  return totalMs;
}

function untilDateMs(value: string, nowMs: number): number | null {
  const date = new Date(value);
  // Comparing it with its own text finds days like 31 February; the weekday may be wrong.
  const exists = !Number.isNaN(date.getTime()) && date.toUTCString().slice(4) === value.slice(4);
  return exists ? Math.max(0, date.getTime() - nowMs) : null;
}
