import fc from "fast-check";
import { expect, test } from "vitest";

import { addUsage, estimateCost, NO_USAGE, PRICE, type HourOfUsage } from "./usage.ts";

const HOUR = 3_600_000;
const hours = fc.array(
  fc.record({
    hour: fc.integer({ min: 0, max: 24 * 60 }).map((index) => index * HOUR),
    publishes: fc.nat(1_000_000),
    deliveries: fc.nat(1_000_000),
    attempts: fc.nat(1_000_000),
    bytesIn: fc.nat(),
    bytesOut: fc.nat(),
  }),
);
const of = (hour: number, publishes: number): HourOfUsage => ({
  ...NO_USAGE,
  hour: hour * HOUR,
  publishes,
});

test("the first thousand of each day are free, each day for itself", () => {
  expect(estimateCost([of(0, 600), of(23, 400)], PRICE)).toBe(0);
  expect(estimateCost([of(0, 600), of(24, 600)], PRICE)).toBe(0);
  expect(estimateCost([of(0, 600), of(23, 100_400)], PRICE)).toBe(1);
  expect(estimateCost([], PRICE)).toBe(0);
});

test("how usage falls into rows changes no cost and no sum", () => {
  fc.assert(
    fc.property(hours, (given) => {
      const halved = given.flatMap((each) => {
        const half = Math.floor(each.publishes / 2);
        return [
          { ...each, publishes: half },
          { ...each, publishes: each.publishes - half },
        ];
      });
      expect(estimateCost(halved, PRICE)).toBeCloseTo(estimateCost(given, PRICE), 6);
      const sum = given.reduce<typeof NO_USAGE>(addUsage, NO_USAGE);
      expect(sum.attempts).toBe(given.reduce((total, { attempts }) => total + attempts, 0));
    }),
  );
});
