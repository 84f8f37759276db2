import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COST_MICROS, furthestAhead, nextVirtualTime } from "./fair-share.ts";

const micros = fc.nat({ max: 4e15 });
const weight = fc.integer({ min: 1, max: 100 });

/** Virtual times of so many deliveries that are all stored at one moment. */
function burst(count: number, nowMicros: number, ofWeight: number): number[] {
  const times: number[] = [];
  for (let n = 0; n < count; n += 1) times.push(nextVirtualTime(nowMicros, times.at(-1), ofWeight));
  return times;
}

describe("nextVirtualTime", () => {
  test("starts at now for a tenant without a past", () => {
    expect(nextVirtualTime(5_000_000, undefined)).toBe(5_000_000);
  });

  test("starts at now for a tenant that was idle: idleness saves nothing up", () => {
    expect(nextVirtualTime(5_000_000, 1_000_000)).toBe(5_000_000);
  });

  test("puts the deliveries of a burst one cost apart", () => {
    expect(burst(4, 7_000_000, 1)).toEqual([7_000_000, 7_001_000, 7_002_000, 7_003_000]);
  });

  test("puts those of a heavier tenant closer together", () => {
    expect(burst(4, 0, 2)).toEqual([0, 500, 1000, 1500]);
    expect(burst(4, 0, 3)).toEqual([0, 334, 668, 1002]);
  });

  test("never runs backwards, and never stands still within a tenant", () => {
    fc.assert(
      fc.property(micros, micros, weight, (nowMicros, lastMicros, ofWeight) => {
        const next = nextVirtualTime(nowMicros, lastMicros, ofWeight);
        expect(Number.isSafeInteger(next)).toBe(true);
        expect(next).toBeGreaterThan(lastMicros);
        expect(next).toBeGreaterThanOrEqual(nowMicros);
      }),
    );
  });

  test("lets a quiet tenant in after at most one cost, however long the noisy burst before it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.nat(COST_MICROS - 1),
        (count, laterMicros) => {
          const noisy = burst(count, 0, 1);
          const quiet = nextVirtualTime(laterMicros, undefined);
          expect(noisy.filter((time) => time <= quiet)).toHaveLength(1);
        },
      ),
    );
  });

  test.each([0, -1, Number.NaN])("refuses a weight of %d", (ofWeight) => {
    expect(() => nextVirtualTime(1, 1, ofWeight)).toThrow(RangeError);
  });
});

test("of tenants' last places those after the clock are remembered, the furthest of too many", () => {
  const places = new Map([
    ["behind", 99],
    ["at the clock", 100],
    ["near", 101],
    ["far", 300],
    ["further", 400],
  ]);
  expect([...furthestAhead(places, 100).keys()]).toEqual(["near", "far", "further"]);
  expect([...furthestAhead(places, 100, 2).keys()].toSorted()).toEqual(["far", "further"]);
});
