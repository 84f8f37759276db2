import { setTimeout as sleep } from "node:timers/promises";
import { identityOf } from "./process-table.ts";

/** A fast shutdown writes a checkpoint; after this long, the next start replays the log instead. */
const FAST_SHUTDOWN_LIMIT_MS = 20_000;
const IMMEDIATE_SHUTDOWN_LIMIT_MS = 10_000;
const CHECK_INTERVAL_MS = 20;

/**
 * Stops the server with this process number and waits until it is gone: first with a fast shutdown, which ends
 * sessions and leaves nothing to recover, then with ever less patience. No committed data are lost either way.
 */
export async function stopServer(pid: number): Promise<void> {
  const identity = identityOf(pid);
  if (identity === undefined) return;
  for (const [signal, limitMs] of [
    ["SIGINT", FAST_SHUTDOWN_LIMIT_MS],
    ["SIGQUIT", IMMEDIATE_SHUTDOWN_LIMIT_MS],
    ["SIGKILL", IMMEDIATE_SHUTDOWN_LIMIT_MS],
  ] as const) {
    signalIfAlive(pid, signal);
    if (await isGoneWithin(pid, identity, limitMs)) return;
  }
  throw new Error(`PostgreSQL (process ${pid}) did not stop`);
}

/** For a process that exits without waiting: Postgres stops by itself, and recovers at the next start. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

async function isGoneWithin(pid: number, identity: string, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (performance.now() < endMs) {
    if (identityOf(pid) !== identity) return true;
    await sleep(CHECK_INTERVAL_MS);
  }
  return false;
}
