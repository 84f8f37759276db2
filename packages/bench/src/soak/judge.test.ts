import { describe, expect, test } from "vitest";

import { isGood, judge, type Arrival, type Evidence } from "./judge.ts";

const arrival = (over: Partial<Arrival>): Arrival => ({
  id: "a",
  retried: 0,
  path: "/ok",
  atMs: 1_000,
  endedMs: (over.atMs ?? 1_000) + 10,
  status: 200,
  ...over,
});
const evidence = (over: Partial<Evidence>): Evidence => ({
  arrivals: [arrival({})],
  acknowledged: [{ id: "a", fate: "delivered", notBeforeMs: 0 }],
  kills: [],
  flowKeys: new Map(),
  deadLetters: new Set(),
  recordedTwice: [],
  expectedTicks: [],
  firedTicks: [],
  leaseMs: 3_000,
  ...over,
});
const verdictOf = (over: Partial<Evidence>) => {
  const verdict = judge(evidence(over));
  return { ...verdict, good: isGood(verdict, 3_000) };
};

describe("a soak is judged", () => {
  test("good when everything arrived once", () => {
    expect(verdictOf({})).toMatchObject({ good: true, lost: [] });
  });

  test("by what never got its 200, and by dead letters that are not there", () => {
    expect(verdictOf({ arrivals: [arrival({ status: null })] })).toMatchObject({
      good: false,
      lost: ["a"],
    });
    const dead = { id: "a", fate: "dead", notBeforeMs: 0 } as const;
    expect(verdictOf({ acknowledged: [dead] })).toMatchObject({ good: false, lost: ["a"] });
    expect(verdictOf({ acknowledged: [dead], deadLetters: new Set("a") }).good).toBe(true);
  });

  test("by what came too early", () => {
    const acknowledged = [{ id: "a", fate: "delivered", notBeforeMs: 1_001 }] as const;
    expect(verdictOf({ acknowledged })).toMatchObject({ good: false, early: ["a"] });
  });

  test("by duplicates that no kill explains, and by how long those took that one does", () => {
    const arrivals = [arrival({}), arrival({ atMs: 4_000 })];
    expect(verdictOf({ arrivals })).toMatchObject({ good: false, duplicates: { unexplained: 1 } });
    const byApi = [{ victim: "api", atMs: 1_005 }] as const;
    expect(verdictOf({ arrivals, kills: byApi }).good).toBe(false);
    const kills = [{ victim: "dispatcher", atMs: 1_005 }] as const;
    expect(verdictOf({ arrivals, kills })).toMatchObject({
      good: true,
      duplicates: { dispatcher: 1, unexplained: 0 },
      redelivery: { max: 2_995 },
    });
    const away = [{ victim: "postgres", atMs: 500, backMs: 1_500 }] as const;
    expect(verdictOf({ arrivals, kills: away })).toMatchObject({
      good: true,
      duplicates: { postgres: 1, unexplained: 0 },
      redelivery: { max: 2_500 },
    });
    const late = [arrival({}), arrival({ atMs: 9_000 })];
    expect(verdictOf({ arrivals: late, kills }).good).toBe(false);
    const outage = { victim: "postgres", atMs: 2_000, backMs: 5_000 } as const;
    expect(verdictOf({ arrivals: late, kills: [...kills, outage] })).toMatchObject({
      good: true,
      redelivery: { max: 0 },
      redeliveryAfterMore: { count: 1, max: 4_000 },
    });
    const second = { victim: "dispatcher", atMs: 4_000 } as const;
    expect(verdictOf({ arrivals: late, kills: [...kills, second] })).toMatchObject({
      good: true,
      redeliveryAfterMore: { count: 1, max: 5_000 },
    });
    const tooLate = [arrival({}), arrival({ atMs: 10_001 })];
    expect(verdictOf({ arrivals: tooLate, kills: [...kills, second] }).good).toBe(false);
  });

  test("by order and by how many are under way at once in a queue", () => {
    const acknowledged = ["a", "b"].map((id, place) => ({
      id,
      fate: "delivered" as const,
      notBeforeMs: 0,
      queue: { name: "q", place },
    }));
    const inOrder = [
      arrival({ path: "/queue/q" }),
      arrival({ id: "b", path: "/queue/q", atMs: 1_020 }),
    ];
    expect(verdictOf({ acknowledged, arrivals: inOrder }).good).toBe(true);
    const swapped = [arrival({ atMs: 1_020 }), arrival({ id: "b" })];
    expect(verdictOf({ acknowledged, arrivals: swapped })).toMatchObject({
      good: false,
      orderBreaks: 1,
    });
    const atOnce = [
      arrival({ path: "/queue/q" }),
      arrival({ id: "b", path: "/queue/q", atMs: 1_005 }),
    ];
    expect(verdictOf({ acknowledged, arrivals: atOnce })).toMatchObject({
      good: false,
      parallelismBreaks: 1,
    });
  });

  test("by the rules of flow-control keys", () => {
    const arrivals = [1_000, 1_005, 1_900].map((atMs, index) =>
      arrival({ id: `m${index}`, path: "/flow/k", atMs }),
    );
    const own = (key: object) =>
      verdictOf({ acknowledged: [], arrivals, flowKeys: new Map([["k", key]]) });
    expect(own({ parallelism: 2 }).good).toBe(true);
    expect(own({ parallelism: 1 }).parallelismBreaks).toBe(1);
    expect(own({ rate: 3, periodMs: 1_000 }).good).toBe(true);
    expect(own({ rate: 2, periodMs: 1_000 }).rateBreaks).toBe(1);
    expect(own({ rate: 2, periodMs: 900 }).good).toBe(true);
  });

  test("by ticks that are missing or there twice, and by outcomes recorded twice", () => {
    expect(verdictOf({ expectedTicks: ["s 1"], firedTicks: ["s 1"] }).good).toBe(true);
    expect(verdictOf({ expectedTicks: ["s 1"] })).toMatchObject({
      good: false,
      missedTicks: ["s 1"],
    });
    expect(verdictOf({ firedTicks: ["s 1", "s 1"] })).toMatchObject({
      good: false,
      doubleTicks: ["s 1"],
    });
    expect(verdictOf({ recordedTwice: ["a"] }).good).toBe(false);
  });
});
