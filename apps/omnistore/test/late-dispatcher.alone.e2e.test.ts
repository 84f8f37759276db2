import { setTimeout as sleep } from "node:timers/promises";

import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";
import { officialClient } from "@omnistore/testkit/official-client";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import type { Client } from "@upstash/qstash";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";

const LEASE_SECONDS = 1;

let database: FreshDatabase;
let sql: pg.Client;
let receiver: Receiver;
let running: RunningProcess[];
let client: Client;

beforeEach(async () => {
  database = await freshDatabase();
  sql = new pg.Client({ connectionString: database.url });
  await sql.connect();
  receiver = await startReceiver();
  running = [];
  const line = JSON.parse(await start("api").line("the api is listening")) as { port: number };
  client = officialClient(`http://127.0.0.1:${line.port}`);
});
afterEach(async () => {
  await Promise.all(running.map((child) => child.end("SIGKILL")));
  await receiver.close();
  await sql.end();
  await database.drop();
});

function start(app: "api" | "dispatcher"): RunningProcess {
  const child = startProcess(`apps/${app}/src/main.ts`, {
    DATABASE_URL: database.url,
    PORT: "0",
    OMNISTORE_LEASE_SECONDS: String(LEASE_SECONDS),
  });
  running.push(child);
  return child;
}

async function count(table: string): Promise<number> {
  const { rows } = await sql.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  return rows[0]?.n ?? -1;
}

test("a dispatcher that was paused past its lease changes nothing when it comes back", async () => {
  const first = start("dispatcher");
  // Its answer comes while it sleeps, and says that a retry is due.
  receiver.reply(() => ({ status: 500, delayMs: 300 }));
  await client.publish({ url: receiver.url, body: "once", retries: 3, retryDelay: "10" });
  await receiver.waitFor(1);
  process.kill(first.pid, "SIGSTOP");
  receiver.reply(() => ({ status: 200 }));
  start("dispatcher");
  await receiver.waitFor(2, { timeoutMs: 20_000 });
  await until(async () => (await count("deliveries")) === 0);
  const before = { logs: await count("delivery_logs"), dead: await count("dead_letters") };

  process.kill(first.pid, "SIGCONT");
  await first.line("an outcome came after its lease had ended");
  expect(before).toEqual({ logs: 1, dead: 0 });
  expect(await count("delivery_logs")).toBe(1);
  expect(await count("deliveries")).toBe(0);
  // It works on, under a new lease.
  await client.publish({ url: receiver.url, body: "next" });
  await receiver.waitFor(3);
  expect(receiver.requests.map(({ body }) => body.toString())).toEqual(["once", "once", "next"]);
});

test("the end of a late attempt does not make the new one look forgotten", async () => {
  start("dispatcher");
  const delays = [2_500, 5_000];
  receiver.reply(() => ({ status: 200, delayMs: delays[receiver.requests.length - 1] ?? 0 }));
  await client.publish({ url: receiver.url, body: "slow" });
  await receiver.waitFor(1);
  // As a survivor does that saw no heartbeat. The dispatcher takes a new lease, and the message again.
  await sql.query("DELETE FROM dispatchers");
  await receiver.waitFor(2);
  await until(async () => (await count("deliveries")) === 0, 20_000);
  await sleep(LEASE_SECONDS * 1_000);
  expect(receiver.requests.length).toBe(2);
});
