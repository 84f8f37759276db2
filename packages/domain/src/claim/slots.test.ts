import fc from "fast-check";
import { expect, test } from "vitest";

import {
  hasRoom,
  hasRoomForLarge,
  LARGE_BYTES,
  isHostSaturated,
  isSaturated,
  SLOW_SLOT_BYTES,
  SLOW_SLOTS,
  slowSlotsOf,
} from "./slots.ts";

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

test("a host that answers nothing leaves its tenant room for another one", () => {
  let slow = 0;
  while (!isHostSaturated(slow, slow)) slow += 1;
  expect(slow).toBe(Math.ceil(SLOW_SLOTS / 5));
  expect(isSaturated(slow, slow)).toBe(false);
  expect(isHostSaturated(0, slow)).toBe(false);
});

test("however big messages are, slow ones hold a bounded number of bytes, and one more at most", () => {
  const sizes = fc.array(fc.nat(2 * 1024 * 1024), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(sizes, fc.nat(30), (messages, tenants) => {
      const slow = new Map<number, number>();
      let [all, bytes, last] = [0, 0, 0];
      for (const [index, size] of Array.from({ length: 8 }, () => messages)
        .flat()
        .entries()) {
        const tenant = index % (tenants + 1);
        const own = slow.get(tenant) ?? 0;
        if (isSaturated(own, all)) continue;
        const slots = slowSlotsOf(size);
        slow.set(tenant, own + slots);
        all += slots;
        bytes += size;
        last = size;
      }
      expect(bytes - last).toBeLessThanOrEqual(SLOW_SLOTS * SLOW_SLOT_BYTES);
    }),
  );
});

test("however long answers are, no number of tenants holds more of them than there are slots", () => {
  const answers = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 200 }));
  fc.assert(
    fc.property(fc.array(answers, { minLength: 1, maxLength: 400 }), (asked) => {
      const held = new Map<number, number>();
      let all = 0;
      for (const [tenant, slots] of asked) {
        const own = held.get(tenant) ?? 0;
        if (!hasRoom(slots, own, all)) continue;
        held.set(tenant, own + slots);
        all += slots;
      }
      expect(all).toBeLessThanOrEqual(SLOW_SLOTS);
      expect(held.size).toBeGreaterThan(0);
    }),
  );
});

test("however many tenants send large messages, they hold a bounded number of bytes, and one more at most", () => {
  const sizes = fc.array(fc.integer({ min: LARGE_BYTES, max: 50 * 1024 * 1024 }), {
    minLength: 1,
    maxLength: 400,
  });
  fc.assert(
    fc.property(sizes, (messages) => {
      let [all, bytes, last] = [0, 0, 0];
      // Each of another tenant, which has none yet.
      for (const size of messages) {
        if (!hasRoomForLarge(0, all)) continue;
        all += slowSlotsOf(size);
        bytes += size;
        last = size;
      }
      expect(bytes).toBeGreaterThan(0);
      expect(bytes - last).toBeLessThanOrEqual(SLOW_SLOTS * SLOW_SLOT_BYTES);
    }),
  );
});
