import fc from "fast-check";
import { expect, test } from "vitest";

import { floorAt, NO_FLOOR, raiseFloor } from "./claim-floor.ts";

const NOW_MICROS = 1_760_000_000_000_000;

test("the first look is a whole one, and so is one every second", () => {
  const first = floorAt(NO_FLOOR, 5_000);
  expect(first).toEqual({ virtualTime: 0, wholeLookAtMs: 5_000 });
  const raised = raiseFloor(first, { claimedAtMicros: NOW_MICROS, reached: null });
  expect(floorAt(raised, 5_899)).toEqual(raised);
  expect(floorAt(raised, 5_900)).toEqual({ virtualTime: 0, wholeLookAtMs: 5_900 });
});

test("nothing that is placed at the clock and committed within a fifth of a second lies under the floor", () => {
  const claims = fc.array(
    fc.record({
      afterMicros: fc.nat({ max: 2_000_000 }),
      reachedMicros: fc.option(fc.integer({ min: -10_000_000, max: 10_000_000 })),
    }),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(claims, (made) => {
      let floor = floorAt(NO_FLOOR, 0);
      let now = NOW_MICROS;
      for (const { afterMicros, reachedMicros } of made) {
        now += afterMicros;
        const reached = reachedMicros === null ? null : now + reachedMicros;
        floor = raiseFloor(floor, { claimedAtMicros: now, reached });
        expect(floor.virtualTime).toBeLessThanOrEqual(now - 200_000);
      }
    }),
  );
});

test("a queue that is not drained is looked at from the last delivery that was taken", () => {
  const floor = raiseFloor(NO_FLOOR, {
    claimedAtMicros: NOW_MICROS,
    reached: NOW_MICROS - 60_000_000,
  });
  expect(floor.virtualTime).toBe(NOW_MICROS - 60_000_000);
});
