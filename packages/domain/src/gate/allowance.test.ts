import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { afterPassing, allowance, PERIOD_GUARD_MS, type GateState } from "./allowance.ts";

const free: GateState = {
  nowMs: 10_000,
  isPaused: false,
  parallelism: null,
  rate: null,
  periodMs: 1_000,
  active: 0,
  rateCount: 0,
  periodStartedAtMs: null,
};

describe("allowance", () => {
  test("a gate without rules holds nobody", () => {
    expect(allowance(free)).toBe(Infinity);
  });

  test("a paused gate lets nobody through, and is not looked at again by itself", () => {
    expect(allowance({ ...free, isPaused: true, parallelism: 5 })).toBe(0);
    expect(afterPassing({ ...free, isPaused: true, rate: 5 }, 0, 0).lookAgainAtMs).toBeNull();
  });

  test("parallelism counts what is under way, also above the limit", () => {
    expect(allowance({ ...free, parallelism: 3, active: 1 })).toBe(2);
    expect(allowance({ ...free, parallelism: 3, active: 7 })).toBe(0);
  });

  test("a full period holds the next one until its end and the guard", () => {
    const full = { ...free, rate: 2, rateCount: 2, periodStartedAtMs: 9_500 };
    expect(allowance(full)).toBe(0);
    const end = 9_500 + 1_000 + PERIOD_GUARD_MS;
    expect(afterPassing(full, 0, 0).lookAgainAtMs).toBe(end);
    expect(allowance({ ...full, nowMs: end })).toBe(2);
  });

  test("nothing starts in the last moments of a period", () => {
    const ending = { ...free, rate: 2, rateCount: 1, periodStartedAtMs: 9_000 + PERIOD_GUARD_MS };
    expect(allowance(ending)).toBe(0);
    expect(allowance({ ...ending, nowMs: 9_999 })).toBe(1);
  });

  test("the first start opens the period", () => {
    const idle = { ...free, rate: 2, rateCount: 2, periodStartedAtMs: 1_000 };
    expect(afterPassing(idle, 1, 2)).toEqual({
      rateCount: 1,
      periodStartedAtMs: 10_000,
      lookAgainAtMs: null,
    });
  });

  test("where slots were short, the gate is looked at again at once", () => {
    expect(afterPassing({ ...free, parallelism: 10 }, 3, 3).lookAgainAtMs).toBe(10_000);
    expect(afterPassing({ ...free, parallelism: 3 }, 3, 3).lookAgainAtMs).toBeNull();
  });
});

test("whatever waits, whenever one looks and however arrivals are delayed, no period sees too many", () => {
  const rules = fc.record({
    parallelism: fc.option(fc.integer({ min: 1, max: 4 })),
    rate: fc.option(fc.integer({ min: 1, max: 5 })),
    periodMs: fc.integer({ min: 1_000, max: 3_000 }),
  });
  const steps = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 1_500 }),
      waiting: fc.nat(8),
      ended: fc.nat(4),
      delays: fc.array(fc.nat(PERIOD_GUARD_MS), { minLength: 4, maxLength: 4 }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(rules, steps, ({ parallelism, rate, periodMs }, walk) => {
      let state: GateState = { ...free, parallelism, rate, periodMs };
      const arrivals: number[] = [];
      for (const { afterMs, waiting, ended, delays } of walk) {
        const nowMs = state.nowMs + afterMs;
        state = { ...state, nowMs, active: Math.max(0, state.active - ended) };
        const tried = Math.min(allowance(state), 100);
        const passed = Math.min(tried, waiting);
        const { rateCount, periodStartedAtMs } = afterPassing(state, passed, tried);
        state = { ...state, rateCount, periodStartedAtMs, active: state.active + passed };
        const jitter = [...delays, ...delays];
        arrivals.push(
          ...Array.from({ length: passed }, (_, index) => nowMs + (jitter[index] ?? 0)),
        );
        if (parallelism !== null) expect(state.active).toBeLessThanOrEqual(parallelism);
      }
      if (rate !== null)
        expect(
          mostInAPeriod(
            arrivals.toSorted((a, b) => a - b),
            periodMs,
          ),
        ).toBeLessThanOrEqual(rate);
    }),
    { numRuns: 2_000 },
  );
});

/** Periods as the contract counts them: each is opened by the first start after the one before. */
function mostInAPeriod(starts: readonly number[], periodMs: number): number {
  let openedAt = -Infinity;
  let count = 0;
  let most = 0;
  for (const start of starts) {
    if (start >= openedAt + periodMs) {
      openedAt = start;
      count = 0;
    }
    count += 1;
    most = Math.max(most, count);
  }
  return most;
}
