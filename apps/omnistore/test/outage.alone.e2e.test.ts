import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { RunningProcess } from "@omnistore/testkit/child-process";
import { startCrashablePostgres } from "@omnistore/testkit/crashable-postgres";
import { DEVELOPMENT } from "@omnistore/testkit/official-client";
import { freshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { startTcpProxy } from "@omnistore/testkit/tcp-proxy";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { LEASE_SECONDS, startServices } from "./single-services.ts";

/** Contract of this service with its users: how long after the database is back it works again. */
const RECOVERY_LIMIT_MS = 10_000;

let receiver: Receiver;
let running: RunningProcess[];
let cleanUps: (() => Promise<unknown>)[];

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

interface Journal {
  readonly acknowledged: string[];
  /** Every other answer. */
  readonly refused: { readonly status: number; readonly retryAfter: string | null }[];
}

async function publishOnce(url: string, journal: Journal): Promise<boolean> {
  const response = await fetch(`${url}/v2/publish/${receiver.url}`, {
    method: "POST",
    headers: { authorization: `Bearer ${DEVELOPMENT.token}` },
    body: "x",
  });
  if (response.status === 200) {
    const { messageId } = (await response.json()) as { messageId: string };
    journal.acknowledged.push(messageId);
    return true;
  }
  await response.arrayBuffer();
  const { status } = response;
  journal.refused.push({ status, retryAfter: response.headers.get("retry-after") });
  return false;
}

async function everythingArrived(databaseUrl: string, journal: Journal): Promise<void> {
  await until(async () => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    const { rows } = await client.query("SELECT FROM deliveries LIMIT 1");
    await client.end();
    return rows.length === 0;
  }, 30_000);
  const arrived = new Set(receiver.requests.map(({ headers }) => headers["upstash-message-id"]));
  expect(journal.acknowledged.filter((id) => !arrived.has(id))).toEqual([]);
}

describe("the database goes away in the middle of a burst", () => {
  test("killed and restarted: 503 with Retry-After, nothing acknowledged is lost", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "omnistore-outage-"));
    cleanUps.push(async () => rmSync(dataDir, { recursive: true, force: true }));
    const postgres = await startCrashablePostgres(dataDir);
    cleanUps.push(() => postgres.stop());
    const url = await startServices(postgres.url, ["api", "dispatcher"], running);

    const journal: Journal = { acknowledged: [], refused: [] };
    const stop = new AbortController();
    const publishers = Array.from({ length: 16 }, async () => {
      while (!stop.signal.aborted) if (!(await publishOnce(url, journal))) await sleep(50);
    });
    await until(async () => journal.acknowledged.length >= 500);
    await postgres.kill();
    await until(async () => journal.refused.length >= 32);
    await postgres.restart();
    const acknowledgedBefore = journal.acknowledged.length;
    await until(
      async () => journal.acknowledged.length >= acknowledgedBefore + 500,
      RECOVERY_LIMIT_MS,
    );
    stop.abort();
    await Promise.all(publishers);

    const wrong = journal.refused.filter(
      ({ status, retryAfter }) => status !== 503 || !(Number(retryAfter) >= 1),
    );
    expect(wrong).toEqual([]);
    await everythingArrived(postgres.url, journal);
  });

  test("away for longer than a lease: what living dispatchers have under way is not sent twice", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "omnistore-outage-"));
    cleanUps.push(async () => rmSync(dataDir, { recursive: true, force: true }));
    const postgres = await startCrashablePostgres(dataDir);
    cleanUps.push(() => postgres.stop());
    const url = await startServices(
      postgres.url,
      ["api", "dispatcher", "dispatcher", "dispatcher"],
      running,
    );
    const journal: Journal = { acknowledged: [], refused: [] };
    // Answered while PostgreSQL is away, or when it is back.
    receiver.reply(({ headers }) => ({
      status: 200,
      delayMs: Number(headers["upstash-message-id"]?.at(-1)) % 2 === 0 ? 3_000 : 9_000,
    }));
    await Promise.all(Array.from({ length: 300 }, () => publishOnce(url, journal)));
    await receiver.waitFor(journal.acknowledged.length);
    await postgres.kill();
    await sleep(1.5 * LEASE_SECONDS * 1_000);
    await postgres.restart();
    await everythingArrived(postgres.url, journal);
    expect(receiver.requests).toHaveLength(journal.acknowledged.length);
  });

  test("half-open connections: 503 in bounded time, and it recovers by itself", async () => {
    const database = await freshDatabase();
    cleanUps.push(() => database.drop());
    const proxy = await startTcpProxy(database.url);
    cleanUps.push(() => proxy.close());
    const url = await startServices(proxy.url, ["api", "dispatcher"], running);

    const journal: Journal = { acknowledged: [], refused: [] };
    // Many connections, so that many are there to go dead.
    await Promise.all(Array.from({ length: 200 }, () => publishOnce(url, journal)));
    expect(journal.acknowledged.length).toBe(200);
    await receiver.waitFor(200);

    proxy.freeze();
    const frozenAt = performance.now();
    await publishOnce(url, journal);
    expect(journal.refused).toEqual([{ status: 503, retryAfter: "1" }]);
    expect(performance.now() - frozenAt).toBeLessThan(RECOVERY_LIMIT_MS);

    proxy.thaw();
    await until(() => publishOnce(url, journal), RECOVERY_LIMIT_MS);
    const last = journal.acknowledged.at(-1);
    await receiver.waitFor(({ headers }) => headers["upstash-message-id"] === last, {
      timeoutMs: RECOVERY_LIMIT_MS,
    });
    await everythingArrived(database.url, journal);
  });
});
