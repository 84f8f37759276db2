import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What V8 calls `gc` when it is asked to show it. */
type Collect = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/**
 * Gives the room that a start took for passing things back to the machine: V8 keeps it until it is
 * short of memory, and a service that waits for work never is. Takes some 50 ms, so it is for the moment
 * before the first request.
 */
export function giveBackMemory(): void {
  setFlagsFromString("--expose-gc");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the flag shows, to new contexts only
  const collect = runInNewContext("gc") as Collect;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
}
