import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DAILY_HORIZON_DAYS, keepDays, partitionDays } from "./expiry.ts";
import { MAX_DELAY_MS, MAX_RETENTION_DAYS, MAX_RETRIES, MAX_TIMEOUT_MS } from "./limits.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NOON = Date.parse("2026-11-24T12:00:00Z");

const dayText = (unixMs: number): string => new Date(unixMs).toISOString().slice(0, 10);

/** Any message that the limits allow, stored at some moment of this century. */
const anyInput = fc
  .record({
    nowMs: fc.integer({ min: Date.parse("2026-01-01"), max: Date.parse("2099-12-31") }),
    delayMs: fc.oneof(fc.nat(MAX_DELAY_MS), fc.nat(DAY_MS), fc.constant(MAX_DELAY_MS)),
    maxRetries: fc.oneof(fc.nat(MAX_RETRIES), fc.nat(40), fc.constant(MAX_RETRIES)),
    timeoutMs: fc.oneof(fc.integer({ min: 1, max: MAX_TIMEOUT_MS }), fc.constant(MAX_TIMEOUT_MS)),
    retentionDays: fc.oneof(fc.integer({ min: 1, max: MAX_RETENTION_DAYS }), fc.constant(7)),
  })
  .map(({ nowMs, delayMs, ...rest }) => ({ nowMs, firstAttemptMs: nowMs + delayMs, ...rest }));

const longestLived = (nowMs: number): Parameters<typeof keepDays>[0] => ({
  nowMs,
  firstAttemptMs: nowMs + MAX_DELAY_MS,
  maxRetries: MAX_RETRIES,
  timeoutMs: MAX_TIMEOUT_MS,
  retentionDays: MAX_RETENTION_DAYS,
});

describe("keepDays", () => {
  test.each([
    ["one attempt now", 0, 0, 1000, 8],
    ["one attempt that runs past midnight", 11 * HOUR_MS, 0, 2 * HOUR_MS, 9],
    ["three retries now", 0, 3, 2 * HOUR_MS, 11],
    ["a start in the past, which counts as now", -5 * DAY_MS, 0, 1000, 8],
    ["the last day inside the daily horizon", 37 * DAY_MS, 0, 1000, 45],
  ])("keeps %s", (_, delayMs, maxRetries, timeoutMs, days) => {
    const firstAttemptMs = NOON + delayMs;
    expect(keepDays({ nowMs: NOON, firstAttemptMs, maxRetries, timeoutMs, retentionDays: 7 })).toBe(
      days,
    );
  });

  test.each([
    ["2026-11-24", 38, "2027-02-01"],
    ["2026-11-24", 61, "2027-02-01"],
    ["2026-11-24", 62, "2027-03-01"],
    ["2027-12-10", 74, "2028-03-01"],
    ["2026-11-24", 359, "2027-12-01"],
    ["2026-11-24", 391, "2028-01-01"],
    ["2026-11-24", 392, "2028-01-01"],
    ["2027-02-01", 392, "2028-04-01"],
    ["2027-02-01", 393, "2029-01-01"],
  ])(
    "moves an expiry far ahead of %s (%d days of delay) on to %s",
    (today, delayDays, expiryDay) => {
      const nowMs = Date.parse(today);
      const days = keepDays({
        nowMs,
        firstAttemptMs: nowMs + delayDays * DAY_MS,
        maxRetries: 0,
        timeoutMs: 1,
        retentionDays: 7,
      });
      expect(dayText(nowMs + days * DAY_MS)).toBe(expiryDay);
    },
  );

  test("outlasts every attempt, every wait of a day, and what is kept afterwards", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const lastMs =
          input.firstAttemptMs +
          (1 + input.maxRetries) * input.timeoutMs +
          input.maxRetries * DAY_MS;
        const keptUntilMs = lastMs + input.retentionDays * DAY_MS;
        const expiryDayStartMs = (Math.floor(input.nowMs / DAY_MS) + keepDays(input)) * DAY_MS;
        expect(expiryDayStartMs).toBeGreaterThan(keptUntilMs);
        expect(expiryDayStartMs - keptUntilMs).toBeLessThan(
          (expiryDayStartMs - input.nowMs > 400 * DAY_MS ? 368 : 33) * DAY_MS,
        );
      }),
    );
  });

  test("fits the twelve bits of an id for everything the limits allow", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const days = keepDays(input);
        expect(Number.isInteger(days) && days > 0 && days <= 4095).toBe(true);
      }),
    );
  });

  test("throws when an id could not hold the days", () => {
    const input = { nowMs: NOON, firstAttemptMs: NOON, timeoutMs: 1, retentionDays: 7 };
    expect(() => keepDays({ ...input, maxRetries: 4088 })).toThrow(RangeError);
    expect(() => keepDays({ ...input, maxRetries: Number.NaN })).toThrow(RangeError);
  });
});

describe("partitionDays", () => {
  test("holds the expiry day of every message stored today or tomorrow", () => {
    fc.assert(
      fc.property(anyInput, fc.nat(1), (input, daysBefore) => {
        const expiryDay = dayText(input.nowMs + keepDays(input) * DAY_MS);
        expect(partitionDays(input.nowMs - daysBefore * DAY_MS)).toContain(expiryDay);
      }),
    );
  });

  test("reaches just as far as the longest-lived message of any day, late in the evening", () => {
    const beginning = Date.parse("2027-01-01T23:59:59.999Z");
    for (let day = 0; day < 4 * 365; day += 1) {
      const nowMs = beginning + day * DAY_MS;
      const expiryDay = dayText(nowMs + DAY_MS * keepDays(longestLived(nowMs)));
      const farthest = partitionDays(nowMs - DAY_MS).slice(-2);
      expect(farthest).toContain(expiryDay);
      expect(partitionDays(nowMs)).toContain(expiryDay);
    }
  });

  test("lists each day of the horizon, then firsts of months and of years, in order and once", () => {
    fc.assert(
      fc.property(anyInput, ({ nowMs }) => {
        const days = partitionDays(nowMs);
        expect(days).toEqual([...new Set(days)].toSorted());
        const daily = Array.from({ length: DAILY_HORIZON_DAYS + 2 }, (_, n) =>
          dayText(nowMs + n * DAY_MS),
        );
        expect(days.slice(0, daily.length)).toEqual(daily);
        expect(days.slice(daily.length).every((day) => day.endsWith("-01"))).toBe(true);
      }),
    );
  });

  test("stays few", () => {
    expect(partitionDays(NOON).length).toBeLessThan(75);
  });
});
