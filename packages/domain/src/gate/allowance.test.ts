import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { afterPassing, allowance, periodGuardMs, type GateState } from "./allowance.ts";

const guardMs = periodGuardMs(1_000);

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

describe("02 §7 allowance", () => {
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
    const end = 9_500 + 1_000 + guardMs;
    expect(afterPassing(full, 0, 0).lookAgainAtMs).toBe(end);
    expect(allowance({ ...full, nowMs: end })).toBe(2);
  });

  test("nothing starts in the last moments of a period", () => {
    const ending = { ...free, rate: 2, rateCount: 1, periodStartedAtMs: 9_000 + guardMs };
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

test("a long period gives a slow start more time, up to a second", () => {
  expect([1_000, 5_000, 60_000].map(periodGuardMs)).toEqual([100, 500, 1_000]);
});

interface Step {
  readonly afterMs: number;
  readonly waiting: number;
  readonly ended: number;
  /** How late those that pass arrive, as a share of what they may be late. */
  readonly lateness: readonly number[];
}

/** Walks a gate through looks at it, as the dispatcher would; returns arrivals and the most under way. */
function walkGate(rules: GateState, steps: readonly Step[]) {
  let state = rules;
  let mostActive = 0;
  const arrivals: number[] = [];
  for (const { afterMs, waiting, ended, lateness } of steps) {
    const nowMs = state.nowMs + afterMs;
    state = Object.assign({}, state, { nowMs, active: Math.max(0, state.active - ended) });
    const tried = Math.min(allowance(state), 100);
    const passed = Math.min(tried, waiting);
    const { rateCount, periodStartedAtMs } = afterPassing(state, passed, tried);
    const active = state.active + passed;
    state = Object.assign({}, state, { rateCount, periodStartedAtMs, active });
    mostActive = Math.max(mostActive, active);
    for (let index = 0; index < passed; index += 1) {
      arrivals.push(
        nowMs + (lateness[index % lateness.length] ?? 0) * periodGuardMs(rules.periodMs),
      );
    }
  }
  return { arrivals: arrivals.toSorted((a, b) => a - b), mostActive };
}

test("whatever waits, whenever one looks and however arrivals are delayed, no period sees too many", () => {
  expect.hasAssertions();
  const anyRules = fc.record({
    parallelism: fc.option(fc.integer({ min: 1, max: 4 })),
    rate: fc.option(fc.integer({ min: 1, max: 5 })),
    periodMs: fc.integer({ min: 1_000, max: 30_000 }),
  });
  const anySteps = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 1_500 }),
      waiting: fc.nat(8),
      ended: fc.nat(4),
      lateness: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
        minLength: 4,
        maxLength: 4,
      }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(anyRules, anySteps, (rules, steps) => {
      const { arrivals, mostActive } = walkGate({ ...free, ...rules }, steps);
      if (rules.parallelism !== null) expect(mostActive).toBeLessThanOrEqual(rules.parallelism);
      if (rules.rate !== null)
        expect(mostInAPeriod(arrivals, rules.periodMs)).toBeLessThanOrEqual(rules.rate);
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
