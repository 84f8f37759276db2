import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Account } from "./account.ts";
import { guardServer } from "./guard.ts";
import { PROGRAM_ENVIRONMENT } from "./postgres-settings.ts";
import { signalIfAlive, stopServer } from "./server-process.ts";

/** Replaying the log after a crash can take minutes; a server that needs longer has another trouble. */
const READY_LIMIT_MS = 10 * 60_000;
const CHECK_INTERVAL_MS = 20;
const SHOWN_LOG_LINES = 12;

interface Launch {
  readonly postgres: string;
  readonly options: readonly string[];
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly account: Account | undefined;
  /** Called when the server ends although nobody stopped it. */
  onUnexpectedExit(error: Error): void;
}

/** A server that accepts connections. */
export interface Server {
  /** Ends all sessions and returns when no process is left. May be called twice. */
  stop(): Promise<void>;
}

/** Starts a server and returns when it accepts connections. Its log starts afresh. */
export async function launchServer(launch: Launch): Promise<Server> {
  const log = openSync(launch.logFile, "w", 0o600);
  const child = spawn(launch.postgres, launch.options, {
    ...launch.account,
    cwd: "/",
    env: PROGRAM_ENVIRONMENT,
    // Its own session: Ctrl-C in the terminal is for OmniStore, which still needs the database to finish its work.
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);

  /** When this process exits without a stop, say on an error, no server must outlive it. */
  function stopWithoutWaiting(): void {
    if (child.pid !== undefined) signalIfAlive(child.pid, "SIGQUIT");
  }
  process.on("exit", stopWithoutWaiting);
  const guard = child.pid === undefined ? undefined : guardServer(child.pid, launch.account);

  let isExpectedToEnd = false;
  const ended = new Promise<Error>((resolve) => {
    child.once("error", resolve);
    child.once("exit", () => resolve(new Error(`PostgreSQL ended:\n${lastLines(launch.logFile)}`)));
  }).finally(() => {
    process.off("exit", stopWithoutWaiting);
    guard?.dismiss();
  });

  async function stop(): Promise<void> {
    isExpectedToEnd = true;
    const isRunning = child.exitCode === null && child.signalCode === null;
    if (child.pid !== undefined && isRunning) await stopServer(child.pid);
    await ended;
  }

  const endMs = performance.now() + READY_LIMIT_MS;
  while (!isReady(launch.dataDirectory, child.pid)) {
    const failure = await Promise.race([ended, sleep(CHECK_INTERVAL_MS)]);
    if (failure !== undefined) throw failure;
    if (performance.now() > endMs) {
      await stop();
      throw new Error(
        `PostgreSQL was not ready after ${READY_LIMIT_MS / 60_000} minutes:\n${lastLines(launch.logFile)}`,
      );
    }
  }
  void reportUnexpectedEnd();
  return { stop };

  async function reportUnexpectedEnd(): Promise<void> {
    const error = await ended;
    if (!isExpectedToEnd) launch.onUnexpectedExit(error);
  }
}

/** The server writes its process number in the first line of its lock file and its state in the eighth. */
function isReady(dataDirectory: string, pid: number | undefined): boolean {
  try {
    const lines = readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n");
    return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
  } catch {
    return false;
  }
}

function lastLines(file: string): string {
  return readFileSync(file, "utf8").trim().split("\n").slice(-SHOWN_LOG_LINES).join("\n");
}
