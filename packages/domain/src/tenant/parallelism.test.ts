import fc from "fast-check";
import { expect, test } from "vitest";

import { shareOfParallelism } from "./parallelism.ts";

test("what all dispatchers may have under way is the limit, and nobody has two more than another", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 50 }),
      (limit, count) => {
        const shares = Array.from({ length: count }, (_, rank) =>
          shareOfParallelism(limit, { rank, count }),
        );
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(limit);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      },
    ),
  );
});

test("without a limit a dispatcher may have any number under way", () => {
  expect(shareOfParallelism(null, { rank: 3, count: 4 })).toBe(Infinity);
});
