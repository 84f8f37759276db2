import { expect, test } from "vitest";

import { giveBackMemory, giveBackMemoryWhenQuiet } from "./give-back-memory.ts";

const MIB = 1024 * 1024;

/** Room that nobody needs any more when this returns. */
function takeRoom(): void {
  const passing = Array.from({ length: 64 }, (_, index) => Array<number>(MIB / 8).fill(index));
  expect(passing.length).toBe(64);
}

test("what nobody needs any more is given back", () => {
  takeRoom();
  const { heapTotal } = process.memoryUsage();
  giveBackMemory();
  expect(heapTotal - process.memoryUsage().heapTotal).toBeGreaterThan(48 * MIB);
});

test("so is what work took, when it has been quiet", async () => {
  giveBackMemoryWhenQuiet(20);
  takeRoom();
  const { heapTotal } = process.memoryUsage();
  await expect
    .poll(() => heapTotal - process.memoryUsage().heapTotal, { timeout: 10_000, interval: 500 })
    .toBeGreaterThan(48 * MIB);
});
