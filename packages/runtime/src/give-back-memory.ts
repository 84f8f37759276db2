import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { QuietAfterGrowth } from "./quiet-after-growth.ts";

/** What V8 calls `gc` when it is asked to show it. */
type Collect = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

const LOOK_EVERY_MS = 1_000;

/**
 * Gives the room that passing things took back to the machine: V8 keeps it until it is short of memory,
 * and a service that waits for work never is. Takes some 50 ms, so it is for a moment without requests.
 */
export function giveBackMemory(): void {
  setFlagsFromString("--expose-gc");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the flag shows, to new contexts only
  const collect = runInNewContext("gc") as Collect;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
}

/** Gives back what the start took, now, and what each burst of work took, when it has been quiet for a while. */
export function giveBackMemoryWhenQuiet(lookEveryMs = LOOK_EVERY_MS): void {
  giveBackMemory();
  const quiet = new QuietAfterGrowth(process.memoryUsage.rss());
  let last = performance.eventLoopUtilization();
  setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(last);
    if (quiet.isDue({ utilization, residentBytes: process.memoryUsage.rss() })) {
      giveBackMemory();
      quiet.gaveBack(process.memoryUsage.rss());
    }
    last = performance.eventLoopUtilization();
  }, lookEveryMs).unref();
}
