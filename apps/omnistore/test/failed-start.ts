import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";
import { expect } from "vitest";

export const ENTRIES = {
  omnistore: "apps/omnistore/src/main.ts",
  api: "apps/api/src/main.ts",
  dispatcher: "apps/dispatcher/src/main.ts",
  scheduler: "apps/scheduler/src/main.ts",
};
export type Entry = keyof typeof ENTRIES;

/** Stand for the operator's own in what is started: never to be seen again. */
export const PASSWORD = "hunter2hunter2";
export const SHORT_SECRET = "too-short-to-be-safe";

export function start(entry: Entry, env: NodeJS.ProcessEnv): RunningProcess {
  return startProcess(
    ENTRIES[entry],
    { PORT: "0", HOST: "127.0.0.1", ...env },
    entry === "omnistore" ? ["start"] : [],
  );
}

/** What a start says that ends with 1: a few lines, no stack, none of the secrets. */
export async function failedStart(entry: Entry, env: NodeJS.ProcessEnv): Promise<string> {
  const failed = start(entry, env);
  expect(await failed.exitCode).toBe(1);
  return plainWords(failed);
}

/** What a process said so far, which must be that. */
export function plainWords(process: RunningProcess): string {
  const output = process.output();
  expect(output).not.toMatch(/\n\s+at |node:internal|Error:/);
  expect(output).not.toContain(PASSWORD);
  expect(output).not.toContain(SHORT_SECRET);
  expect(output.split("\n").length).toBeLessThanOrEqual(7);
  return output;
}
