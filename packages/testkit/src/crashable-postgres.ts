import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from "@omnistore/db/embedded/embedded-postgres";

/** A durable PostgreSQL of one's own that may be killed and started again, at the same address. */
export interface CrashablePostgres {
  readonly url: string;
  /** SIGKILL to the server; returns when it is gone. What it was doing is lost, what it committed is not. */
  kill(): Promise<void>;
  /** Starts it again after a kill, or after it died by itself; returns when it accepts connections. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const RESTART_ATTEMPTS = 40;
const RESTART_PAUSE_MS = 250;

/** `dataDir` is made if absent, and left behind. */
export async function startCrashablePostgres(dataDir: string): Promise<CrashablePostgres> {
  mkdirSync(dataDir, { recursive: true });
  // Root's Postgres runs under another account, which must be able to pass.
  chmodSync(dataDir, 0o755);
  const start = () => startEmbeddedPostgres({ dataDir, onUnexpectedExit: () => undefined });
  let running: EmbeddedPostgres = await start();
  const { url } = running;

  return {
    url,
    async kill() {
      const lock = readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8");
      process.kill(Number.parseInt(lock, 10), "SIGKILL");
      await running.stop();
    },
    async restart() {
      await running.stop();
      for (let attempt = 1; ; attempt += 1) {
        try {
          running = await start();
          break;
        } catch (error) {
          // Sessions of the killed server may still be ending.
          if (attempt === RESTART_ATTEMPTS) throw error;
          await sleep(RESTART_PAUSE_MS);
        }
      }
      if (running.url !== url) throw new Error(`the server came back at another address`);
    },
    stop: () => running.stop(),
  };
}
