import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";
import { officialClient, officialReceiver } from "@omnistore/testkit/official-client";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver, type Receiver, type ReceivedRequest } from "@omnistore/testkit/receiver";
import { skewedBy } from "@omnistore/testkit/skewed";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";

const HOUR_MS = 3_600_000;
const DELAY_SECONDS = 2;
/** A busy machine is late by moments; an hour's error would show as an hour, or as no wait at all. */
const LATE_LIMIT_MS = 10_000;

let database: FreshDatabase;
let receiver: Receiver;
let running: RunningProcess[];

beforeEach(async () => {
  database = await freshDatabase();
  receiver = await startReceiver();
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((child) => child.end("SIGKILL")));
  await receiver.close();
  await database.drop();
});

function start(app: "api" | "dispatcher" | "scheduler", shiftMs: number): RunningProcess {
  const child = startProcess(`apps/${app}/src/main.ts`, {
    DATABASE_URL: database.url,
    PORT: "0",
    LOG_LEVEL: "info",
    OMNISTORE_LEASE_SECONDS: "2",
    ...skewedBy(shiftMs),
  });
  running.push(child);
  return child;
}

async function everythingEnded(): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await until(async () => {
      const { rows } = await client.query("SELECT FROM deliveries LIMIT 1");
      return rows.length === 0;
    }, 20_000);
  } finally {
    await client.end();
  }
}

const arrivalsOf = (id: string) =>
  receiver.requests.filter(({ headers }) => headers["upstash-message-id"] === id);

/** How long after that time the one request for the message came, milliseconds. */
function latenessOf(id: string, dueMs: number): number {
  const [first] = arrivalsOf(id);
  return (first?.arrivedAt ?? Number.NaN) - dueMs;
}

function verify({ headers, body }: ReceivedRequest): Promise<boolean> {
  const signature = String(headers["upstash-signature"]);
  return officialReceiver().verify({ signature, body: body.toString() });
}

// Opposite errors, so that no two processes agree on a time by chance.
test.each([
  ["the api's an hour ahead, the dispatchers' behind and ahead", HOUR_MS],
  ["the api's an hour behind, the dispatchers' ahead and behind", -HOUR_MS],
])("clocks that are wrong, %s: nothing early, lost or doubled", async (_name, shiftMs) => {
  const listening = await start("api", shiftMs).line("the api is listening");
  // Two dispatchers that disagree by two hours: neither may think that the other is dead.
  start("dispatcher", -shiftMs);
  start("dispatcher", shiftMs);
  start("scheduler", -shiftMs);
  const { port } = JSON.parse(listening) as { port: number };
  const client = officialClient(`http://127.0.0.1:${port}`);
  const { url } = receiver;
  receiver.reply("/fails-once", ({ headers }) => ({
    status: headers["upstash-retried"] === "0" ? 500 : 200,
  }));
  receiver.reply("/slow", () => ({ status: 200, delayMs: 5_000 }));

  const sentAtMs = Date.now();
  const notBefore = Math.ceil(sentAtMs / 1_000) + DELAY_SECONDS;
  const slow = await client.publish({ url: `${url}/slow`, body: "longer than a lease" });
  const atOnce = await client.publish({ url, body: "at once" });
  const delayed = await client.publish({ url, body: "delayed", delay: DELAY_SECONDS });
  const dated = await client.publish({ url, body: "dated", notBefore });
  const past = await client.publish({ url, body: "past", notBefore: notBefore - 60 });
  const retried = await client.publish({
    url: `${url}/fails-once`,
    body: "retried",
    retries: 3,
    retryDelay: "1000",
  });
  const one = await client.publish({ url, body: "one", deduplicationId: "same" });
  const other = await client.publish({ url, body: "other", deduplicationId: "same" });
  const { scheduleId } = await client.schedules.create({ destination: url, cron: "0 0 1 1 *" });
  const { nextScheduleTime } = await client.schedules.get(scheduleId);

  await everythingEnded();
  const once = [slow, atOnce, delayed, dated, past, one].map(({ messageId }) => messageId);
  expect(once.map((id) => arrivalsOf(id).length)).toEqual(once.map(() => 1));
  expect(other.messageId).toBe(one.messageId);
  expect(arrivalsOf(retried.messageId).map(({ headers }) => headers["upstash-retried"])).toEqual([
    "0",
    "1",
  ]);
  for (const [id, dueMs] of [
    [atOnce.messageId, sentAtMs],
    [past.messageId, sentAtMs],
    [delayed.messageId, sentAtMs + DELAY_SECONDS * 1_000],
    [dated.messageId, notBefore * 1_000],
  ] as const) {
    expect(latenessOf(id, dueMs), id).toBeGreaterThanOrEqual(0);
    expect(latenessOf(id, dueMs), id).toBeLessThan(LATE_LIMIT_MS);
  }
  const [first, second] = arrivalsOf(retried.messageId);
  expect((second?.arrivedAt ?? 0) - (first?.arrivedAt ?? 0)).toBeGreaterThanOrEqual(1_000);
  expect(new Date(nextScheduleTime ?? 0).toISOString()).toBe(
    `${new Date(sentAtMs).getUTCFullYear() + 1}-01-01T00:00:00.000Z`,
  );
  // The signature is valid now, by a clock that is right.
  expect(await Promise.all(receiver.requests.map(verify))).not.toContain(false);
  // What is listed by time is found by the right time.
  const { events } = await client.events({ filter: { messageId: atOnce.messageId } });
  expect(events.map(({ state }) => state).toSorted()).toEqual(["ACTIVE", "CREATED", "DELIVERED"]);
  for (const { time } of events) expect(Math.abs(time - sentAtMs)).toBeLessThan(LATE_LIMIT_MS);
});
