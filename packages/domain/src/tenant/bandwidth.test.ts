import fc from "fast-check";
import { expect, test } from "vitest";

import { bandwidthSpent, monthAt } from "./bandwidth.ts";

const times = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2100, 0) });

test("a time is in its month, months follow each other without a gap, and begin on a first", () => {
  fc.assert(
    fc.property(times, (unixMs) => {
      const month = monthAt(unixMs);
      expect(unixMs).toBeGreaterThanOrEqual(month.fromMs);
      expect(unixMs).toBeLessThan(month.toMs);
      expect(monthAt(month.toMs).fromMs).toBe(month.toMs);
      expect(monthAt(month.toMs - 1)).toEqual(month);
      expect(new Date(month.fromMs).toISOString()).toMatch(/-01T00:00:00\.000Z$/);
    }),
  );
});

test("the bandwidth is spent from the limit on, until the month ends", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1 }), times, (bytes, limit, unixMs) => {
      const month = monthAt(unixMs);
      const spent = bandwidthSpent(bytes, limit, month);
      if (bytes < limit) expect(spent).toBeNull();
      else expect(spent).toEqual({ budget: "month", limit, resetAtMs: month.toMs });
    }),
  );
});
