import { setTimeout as sleep } from "node:timers/promises";

import type { DueRun } from "@omnistore/engine/schedule/run-due";
import { createLogger } from "@omnistore/runtime/logger";
import { afterEach, expect, test, vi } from "vitest";

import { TickLoop } from "./tick-loop.ts";

type RunDue = () => Promise<DueRun>;
type Prepare = (withinMs: number) => Promise<void>;

const idle: DueRun = { fired: 0, nextInMs: null, isFull: false, notices: [] };
const logger = createLogger({ level: "silent", name: "test" });

let loop: TickLoop | undefined;
afterEach(async () => {
  vi.useRealTimers();
  await loop?.stop();
});

function startLoop(
  runDue: RunDue,
  onStored = () => {},
  prepare: Prepare = async () => {},
): TickLoop {
  loop = new TickLoop({ runner: { runDue, prepare }, logger, onStored });
  loop.start();
  return loop;
}

test("it sleeps until the next tick is due", async () => {
  vi.useFakeTimers();
  const runDue = vi.fn<RunDue>(async () => ({ ...idle, nextInMs: 299.2 }));
  startLoop(runDue);
  await vi.advanceTimersByTimeAsync(299);
  expect(runDue).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(runDue).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});

test("with nothing in sight it looks once a second", async () => {
  vi.useFakeTimers();
  const runDue = vi.fn<RunDue>(async () => idle);
  startLoop(runDue);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runDue).toHaveBeenCalledTimes(11);
  vi.useRealTimers();
});

test("a poke makes it look at once", async () => {
  const runDue = vi.fn<RunDue>(async () => idle);
  const looping = startLoop(runDue);
  await sleep(20);
  expect(runDue).toHaveBeenCalledTimes(1);
  looping.poke();
  await sleep(20);
  expect(runDue).toHaveBeenCalledTimes(2);
});

test("in a burst two batches are under way, and each that stored something is announced", async () => {
  let underWay = 0;
  let most = 0;
  let left = 7;
  const onStored = vi.fn<() => void>();
  const drained = new Promise<void>((resolve) => {
    startLoop(async () => {
      if (left === 0) {
        resolve();
        return idle;
      }
      left -= 1;
      underWay += 1;
      most = Math.max(most, underWay);
      await sleep(1);
      underWay -= 1;
      return { fired: 500, nextInMs: 0, isFull: true, notices: [] };
    }, onStored);
  });
  await drained;
  expect(most).toBe(2);
  expect(onStored).toHaveBeenCalledTimes(7);
});

test("it looks ahead once before a tick, when there is time for it", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "performance"] });
  const dueAt = performance.now() + 4_200;
  const prepare = vi.fn<Prepare>(async () => {});
  startLoop(async () => ({ ...idle, nextInMs: dueAt - performance.now() }), undefined, prepare);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(prepare).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(3_150);
  expect(prepare.mock.calls).toEqual([[2_100]]);
  vi.useRealTimers();
});

test("an error does not end it", async () => {
  vi.useFakeTimers();
  const runDue = vi.fn<RunDue>(async () => idle).mockRejectedValueOnce(new Error("no database"));
  startLoop(runDue);
  await vi.advanceTimersByTimeAsync(600);
  expect(runDue).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});

test("stopping waits for the batch that is under way", async () => {
  let isDone = false;
  const looping = startLoop(async () => {
    await sleep(30);
    isDone = true;
    return { ...idle, fired: 1, nextInMs: 0 };
  });
  await sleep(5);
  await looping.stop();
  expect(isDone).toBe(true);
});
