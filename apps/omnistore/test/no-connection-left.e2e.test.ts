import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { RunningProcess } from "@omnistore/testkit/child-process";
import { startCrashablePostgres } from "@omnistore/testkit/crashable-postgres";
import { DEVELOPMENT } from "@omnistore/testkit/official-client";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";

import { startServices } from "./single-services.ts";

/** It shares the machine with other tests. */
const PATIENCE_MS = 60_000;
const MAX_CONNECTIONS = 40;
const PUBLISHERS = 8;

let receiver: Receiver;
let running: RunningProcess[];
let cleanUps: (() => unknown)[];

beforeEach(async () => {
  receiver = await startReceiver();
  running = [];
  cleanUps = [];
});
afterEach(async () => {
  await Promise.all(running.map((child) => child.end("SIGKILL")));
  await receiver.close();
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

/** Another program that takes every connection there is, those of the service among them. */
class Neighbour {
  readonly #url: string;
  readonly #held: pg.Client[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async take(): Promise<void> {
    while (await this.#takeOne());
    await this.#held[0]?.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'omnistore%'",
    );
    while (await this.#takeOne());
  }

  async leave(): Promise<void> {
    await Promise.all(this.#held.splice(0).map((client) => client.end()));
  }

  async #takeOne(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.#url, application_name: "neighbour" });
    try {
      await client.connect();
      this.#held.push(client);
      return true;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "53300") return false;
      throw error;
    }
  }
}

test("no connection left: 503 with Retry-After, nothing acknowledged is lost, the log says what to do, and it recovers by itself", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "omnistore-connections-"));
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const postgres = await startCrashablePostgres(dataDir);
  cleanUps.push(() => postgres.stop());
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  await admin.query(`ALTER SYSTEM SET max_connections = ${MAX_CONNECTIONS}`);
  await admin.end();
  await postgres.restart();
  const url = await startServices(postgres.url, ["api", "dispatcher"], running);
  const authorization = `Bearer ${DEVELOPMENT.token}`;

  const acknowledged: string[] = [];
  const refused: { status: number; retryAfter: string | null; text: string }[] = [];
  const stop = new AbortController();
  async function ask(path: string, method: "GET" | "POST"): Promise<void> {
    const response = await fetch(`${url}${path}`, { method, headers: { authorization } });
    const text = await response.text();
    const { status, headers } = response;
    if (status !== 200) refused.push({ status, retryAfter: headers.get("retry-after"), text });
    else if (method === "POST")
      acknowledged.push((JSON.parse(text) as { messageId: string }).messageId);
    if (status !== 200) await sleep(50);
  }
  const publishers = Array.from({ length: PUBLISHERS }, async () => {
    while (!stop.signal.aborted) await ask(`/v2/publish/${receiver.url}`, "POST");
  });

  await until(async () => acknowledged.length >= 200, PATIENCE_MS);
  const neighbour = new Neighbour(postgres.url);
  cleanUps.push(() => neighbour.leave());
  await until(async () => {
    await neighbour.take();
    return refused.length >= 10 * PUBLISHERS;
  }, PATIENCE_MS);
  await ask("/v2/queues", "GET");
  await ask("/v2/logs", "GET");
  const before = acknowledged.length;
  await neighbour.leave();
  await until(async () => acknowledged.length >= before + 200, PATIENCE_MS);
  stop.abort();
  await Promise.all(publishers);

  const wrong = refused.filter(
    ({ status, retryAfter, text }) =>
      status !== 503 || !(Number(retryAfter) >= 1) || !text.startsWith('{"error":'),
  );
  expect(wrong).toEqual([]);
  await until(async () => {
    const arrived = new Set(receiver.requests.map(({ headers }) => headers["upstash-message-id"]));
    return acknowledged.every((id) => arrived.has(id));
  }, PATIENCE_MS);
  for (const child of running) {
    expect(child.output()).toContain("PostgreSQL has no connection left");
    // The values of statements, and what the driver attaches to an error of an idle connection.
    expect(child.output()).not.toMatch(/"params":|\\nparams:|"secretKey":/);
  }
}, 240_000);
