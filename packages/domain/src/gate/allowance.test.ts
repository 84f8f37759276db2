import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  afterPassing,
  afterUnsent,
  allowance,
  periodGuardMs,
  type GateState,
  type PeriodStart,
} from "./allowance.ts";

const guardMs = periodGuardMs(1_000);

const free: GateState = {
  nowMs: 10_000,
  isPaused: false,
  parallelism: null,
  rate: null,
  periodMs: 1_000,
  active: 0,
  rateCount: 0,
  openingCount: 0,
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
      openingCount: 1,
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

describe("02 §7 a start that was never sent", () => {
  const full = { ...free, rate: 3, rateCount: 3, openingCount: 2, periodStartedAtMs: 9_500 };
  const opening = { periodStartedAtMs: 9_500, isOpening: true };

  test("gives its place back", () => {
    const memory = afterUnsent(full, { ...opening, isOpening: false });
    expect(memory).toEqual({ rateCount: 2, openingCount: 2, periodStartedAtMs: 9_500 });
    expect(afterUnsent(full, opening)).toEqual({ ...memory, openingCount: 1 });
  });

  test("gives nothing back to another period than its own", () => {
    expect(afterUnsent(full, { ...opening, periodStartedAtMs: 8_000 })).toBeNull();
    expect(afterUnsent({ ...full, periodStartedAtMs: null }, opening)).toBeNull();
  });

  test("leaves no period behind when it was the only one", () => {
    const alone = { ...full, rateCount: 1, openingCount: 1 };
    expect(afterUnsent(alone, opening)).toEqual({
      rateCount: 0,
      openingCount: 0,
      periodStartedAtMs: null,
    });
  });

  test("shuts the gate for a period when it opened one that others went on with", () => {
    const shut = afterUnsent({ ...full, openingCount: 1 }, opening);
    expect(shut).toEqual({ rateCount: 3, openingCount: 0, periodStartedAtMs: 10_000 });
    expect(allowance({ ...full, ...shut, nowMs: 11_000 })).toBe(0);
    expect(allowance({ ...full, ...shut, nowMs: 11_000 + guardMs })).toBe(3);
  });
});

/** When a gate is looked at next: a share of the guard or of the period later, or of the guard after it reopens. */
interface Pause {
  readonly of: "guard" | "period" | "reopening";
  readonly share: number;
}

interface Step {
  readonly pause: Pause;
  readonly waiting: number;
  readonly ended: number;
  /** How late those that pass arrive, as a share of what they may be late. */
  readonly lateness: readonly number[];
  /** Which of those that pass are never sent, and are given back when their time is over. */
  readonly unsent: readonly boolean[];
}

function pauseMs({ of, share }: Pause, { nowMs, periodMs, periodStartedAtMs }: GateState): number {
  if (of === "period") return Math.round(share * periodMs);
  const guard = periodGuardMs(periodMs);
  const reopensAtMs = (periodStartedAtMs ?? 0) + periodMs + guard;
  return Math.round(share * guard) + (of === "guard" ? 0 : Math.max(0, reopensAtMs - nowMs));
}

/** Walks a gate through looks at it, as the dispatcher would; returns arrivals and the most under way. */
function walkGate(rules: GateState, steps: readonly Step[]) {
  let state = rules;
  let mostActive = 0;
  const arrivals: number[] = [];
  let late: (PeriodStart & { readonly atMs: number })[] = [];
  for (const { pause, waiting, ended, lateness, unsent } of steps) {
    const afterMs = pauseMs(pause, state);
    for (const start of late.filter(({ atMs }) => atMs <= state.nowMs + afterMs)) {
      const memory = afterUnsent({ ...state, nowMs: start.atMs }, start);
      state = Object.assign({}, state, memory);
    }
    late = late.filter(({ atMs }) => atMs > state.nowMs + afterMs);
    const nowMs = state.nowMs + afterMs;
    state = Object.assign({}, state, { nowMs, active: Math.max(0, state.active - ended) });
    const tried = Math.min(allowance(state), 100);
    const passed = Math.min(tried, waiting);
    const { lookAgainAtMs: _, ...memory } = afterPassing(state, passed, tried);
    const active = state.active + passed;
    state = Object.assign({}, state, memory, { active });
    mostActive = Math.max(mostActive, active);
    for (let index = 0; index < passed; index += 1) {
      const { periodStartedAtMs } = memory;
      if (unsent[index % unsent.length] === true && periodStartedAtMs !== null) {
        const atMs = nowMs + periodGuardMs(rules.periodMs);
        late.push({ atMs, periodStartedAtMs, isOpening: periodStartedAtMs === nowMs });
        continue;
      }
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
    parallelism: fc.option(fc.integer({ min: 1, max: 4 }), { freq: 1 }),
    rate: fc.option(fc.integer({ min: 1, max: 5 })),
    periodMs: fc.integer({ min: 1, max: 30 }).map((seconds) => seconds * 1_000),
  });
  // Not fc.double: nearly all that it makes between 0 and 1 is as good as 0.
  const anyShare = fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100);
  const anyStep = fc.record<Step>({
    pause: fc.record({
      of: fc.constantFrom("guard", "period", "reopening"),
      share: anyShare,
    }),
    waiting: fc.nat(8),
    ended: fc.nat(4),
    lateness: fc.array(anyShare, { minLength: 4, maxLength: 4 }),
    unsent: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
  });
  // Rare by chance: a period goes on although all that opened it were unsent, and is followed by a full one.
  const anyLostOpening = fc
    .tuple(anyStep, anyStep, anyStep)
    .map(([opening, next, following]): Step[] => [
      { ...opening, pause: { of: "reopening", share: 0 }, waiting: 1, unsent: [true] },
      { ...next, pause: { ...next.pause, of: "guard" }, unsent: [false] },
      { ...following, pause: { of: "reopening", share: 0 }, waiting: 8 },
    ]);
  const anySteps = fc
    .array(fc.oneof({ weight: 9, arbitrary: fc.tuple(anyStep) }, anyLostOpening), { maxLength: 40 })
    .map((parts) => parts.flat());
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
