import { expect, test } from "vitest";

import { QUIET_LOOKS, QuietAfterGrowth, type Look } from "./quiet-after-growth.ts";

const MIB = 1024 * 1024;
const RESTING = 120 * MIB;
const GROWN = 220 * MIB;

const quiet = (residentBytes: number): Look => ({ utilization: 0.01, residentBytes });
const busy = (residentBytes: number): Look => ({ utilization: 0.4, residentBytes });

/** Which of the looks, counted from 1, finds it due. */
function dueAt(process: QuietAfterGrowth, looks: readonly Look[]): readonly number[] {
  return looks.flatMap((look, index) => (process.isDue(look) ? [index + 1] : []));
}

const times = (count: number, look: Look) => Array<Look>(count).fill(look);

test("a process that grew gives back when it has been quiet long enough, not before", () => {
  const process = new QuietAfterGrowth(RESTING);
  expect(dueAt(process, [...times(5, busy(GROWN)), ...times(QUIET_LOOKS, quiet(GROWN))])).toEqual([
    5 + QUIET_LOOKS,
  ]);
});

test("work in between starts the wait anew", () => {
  const process = new QuietAfterGrowth(RESTING);
  const nearly = times(QUIET_LOOKS - 1, quiet(GROWN));
  expect(dueAt(process, [...nearly, busy(GROWN), ...nearly])).toEqual([]);
});

test("one that did not grow is left alone, however quiet", () => {
  const process = new QuietAfterGrowth(RESTING);
  expect(dueAt(process, times(100, quiet(RESTING + 20 * MIB)))).toEqual([]);
});

test("what could not be given back is not asked for again and again", () => {
  const process = new QuietAfterGrowth(RESTING);
  expect(dueAt(process, times(QUIET_LOOKS, quiet(GROWN)))).toEqual([QUIET_LOOKS]);
  process.gaveBack(GROWN);
  expect(dueAt(process, times(100, quiet(GROWN)))).toEqual([]);
  expect(dueAt(process, times(1, quiet(GROWN + 30 * MIB)))).toEqual([1]);
});
