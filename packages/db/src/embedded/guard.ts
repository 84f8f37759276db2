import { spawn } from "node:child_process";

import type { Account } from "./account.ts";

/**
 * Waits for a line from us. If our end of the pipe closes without one, we were killed, and the server gets the fast
 * shutdown that we can no longer ask for.
 */
const SCRIPT = 'read -r _ || kill -INT "$0"';

/** A tiny process that stops the server if this process is killed outright, when nothing here can run any more. */
export function guardServer(serverPid: number, account: Account | undefined): { dismiss(): void } {
  const child = spawn("/bin/sh", ["-c", SCRIPT, String(serverPid)], {
    ...account,
    cwd: "/",
    env: {},
    // Its own session, so that whatever kills our whole group spares it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // Without a guard all works but this last resort.
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  return {
    dismiss: () => void child.stdin.end("\n"),
  };
}
