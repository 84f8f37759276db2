import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";
import { startCrashablePostgres } from "@omnistore/testkit/crashable-postgres";

import type { Kill, Victim } from "./judge.ts";
import { nowMs } from "./now.ts";

/** What a supervisor waits before it starts a process again. */
const RESPAWN_MS = 100;
const EACH = 2;

export interface Cluster {
  readonly databaseUrl: string;
  readonly receiverUrl: string;
  readonly apiUrls: readonly string[];
  /** SIGKILLs one of the victim's processes; it is started again by itself. */
  kill(victim: Victim, which: number): Promise<Kill>;
  /** Starts PostgreSQL again when it died without a kill. */
  reviveDatabase(): Promise<void>;
  /** What the processes said, for a look at a run that went wrong. */
  output(): string;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  readonly leaseSeconds: number;
  readonly clockSkew: boolean;
  /** Where the database lies; a folder of its own, removed in the end, when absent. */
  readonly dataDir?: string;
}

/** Starts a receiver, PostgreSQL and two processes of each kind, and keeps them running. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "omnistore-soak-"));
  const [receiverPort = 0, ...apiPorts] = await freePorts(1 + EACH);
  const receiver = startProcess("packages/bench/src/processes/journalling-receiver.ts", {}, [
    String(receiverPort),
  ]);
  await receiver.line("the receiver is listening");
  const postgres = await startCrashablePostgres(dataDir);

  const supervised = (["api", "dispatcher", "scheduler"] as const).flatMap((app) =>
    Array.from({ length: EACH }, (_, which) => ({
      app,
      which,
      ...supervise(`apps/${app}/src/main.ts`, {
        DATABASE_URL: postgres.url,
        PORT: String(apiPorts[which]),
        LOG_LEVEL: "warn",
        OMNISTORE_LEASE_SECONDS: String(options.leaseSeconds),
        ...(options.clockSkew ? skewed(which === 0 ? "+3600" : "-3600") : {}),
      }),
    })),
  );
  const apiUrls = apiPorts.map((port) => `http://127.0.0.1:${port}`);
  await Promise.all(apiUrls.map(ready));

  return {
    databaseUrl: postgres.url,
    receiverUrl: `http://127.0.0.1:${receiverPort}`,
    apiUrls,
    async kill(victim, which) {
      const atMs = nowMs();
      if (victim === "postgres") {
        await postgres.kill();
        await postgres.restart();
        return { victim, atMs, backMs: nowMs() };
      }
      await supervised.find((one) => one.app === victim && one.which === which % EACH)?.kill();
      return { victim, atMs };
    },
    reviveDatabase: () => postgres.restart(),
    output: () => supervised.map(({ output }) => output()).join("\n"),
    async stop() {
      await Promise.all(supervised.map((one) => one.stop()));
      await receiver.end("SIGKILL");
      await postgres.stop();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Keeps one process running, whatever ends it. */
function supervise(file: string, env: NodeJS.ProcessEnv) {
  const outputs: string[] = [];
  let isStopping = false;
  let running = start();

  function start(): RunningProcess {
    const child = startProcess(file, env);
    void replaceAfterEnd(child);
    return child;
  }

  async function replaceAfterEnd(child: RunningProcess): Promise<void> {
    await child.ended;
    outputs.push(child.output());
    await sleep(RESPAWN_MS);
    if (!isStopping) running = start();
  }

  return {
    kill: () => running.end("SIGKILL"),
    output: () => [...outputs, running.output()].join("\n"),
    async stop() {
      isStopping = true;
      await running.end("SIGKILL");
    },
  };
}

const FAKETIME_LIBRARIES = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
];

/** A wrong clock for one process: seconds ahead (+) or behind (-). Time that only counts stays right. */
function skewed(offset: string): NodeJS.ProcessEnv {
  const library = FAKETIME_LIBRARIES.find((file) => existsSync(file));
  if (library === undefined) {
    throw new Error(
      "--clock-skew needs faketime, which is not installed: apt-get install faketime",
    );
  }
  return { LD_PRELOAD: library, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
}

async function ready(url: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/readyz`).catch(() => null);
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    await sleep(50);
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
