import fc from "fast-check";
import { expect, test } from "vitest";

import { isSaturated, SLOW_SLOTS } from "./slots.ts";

/** Lets tenants in, in that order, as long as they may; returns how many each has. */
function fill(arrivals: readonly number[]): Map<number, number> {
  const slow = new Map<number, number>();
  let all = 0;
  for (const tenant of arrivals) {
    const own = slow.get(tenant) ?? 0;
    if (isSaturated(own, all)) continue;
    slow.set(tenant, own + 1);
    all += 1;
  }
  return slow;
}

test("one tenant alone gets a third, and two share the half", () => {
  const rounds = Array.from({ length: SLOW_SLOTS }, (_, index) => index);
  expect(fill(rounds.map(() => 1)).get(1)).toBe(Math.ceil(SLOW_SLOTS / 3));
  const both = fill(rounds.flatMap(() => [1, 2]));
  expect(Math.abs((both.get(1) ?? 0) - SLOW_SLOTS / 4)).toBeLessThan(3);
});

test("however many tenants are slow, a newcomer may start", () => {
  expect.hasAssertions();
  const anyArrivals = fc
    .array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 700 })), { maxLength: 60 })
    .map((bursts) => bursts.flatMap(([tenant, times]) => Array<number>(times).fill(tenant)));
  fc.assert(
    fc.property(anyArrivals, (arrivals) => {
      const slow = fill(arrivals);
      const all = [...slow.values()].reduce((sum, count) => sum + count, 0);
      expect(all).toBeLessThan(SLOW_SLOTS);
      expect(isSaturated(0, all)).toBe(false);
    }),
  );
});
