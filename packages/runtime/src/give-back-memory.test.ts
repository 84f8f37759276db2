import { expect, test } from "vitest";

import { giveBackMemory } from "./give-back-memory.ts";

const MIB = 1024 * 1024;

test("what nobody needs any more is given back", () => {
  let passing: number[][] | undefined = Array.from({ length: 64 }, (_, index) =>
    Array<number>(MIB / 8).fill(index),
  );
  const { heapTotal } = process.memoryUsage();
  expect(passing.length).toBe(64);
  passing = undefined;
  giveBackMemory();
  expect(heapTotal - process.memoryUsage().heapTotal).toBeGreaterThan(48 * MIB);
});
