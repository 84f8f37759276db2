import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";
import { DEVELOPMENT, officialClient } from "@omnistore/testkit/official-client";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";

import { ask } from "./operator.ts";

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

function start(app: "api" | "dispatcher"): RunningProcess {
  const child = startProcess(`apps/${app}/src/main.ts`, {
    DATABASE_URL: database.url,
    PORT: "0",
    LOG_LEVEL: "info",
    OMNISTORE_LEASE_SECONDS: "2",
  });
  running.push(child);
  return child;
}

async function counted(sql: string): Promise<number> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`);
    return rows[0]?.n ?? -1;
  } finally {
    await client.end();
  }
}

test("usage is what was published and recorded, to the message, also when a dispatcher is killed", async () => {
  const [MESSAGES, FAILING] = [300, 30];
  const api = start("api");
  const { port } = JSON.parse(await api.line("the api is listening")) as { port: number };
  const url = `http://127.0.0.1:${port}`;
  const client = officialClient(url);
  const bodies = Array.from({ length: MESSAGES }, (_, index) => `message ${index}`);
  await Promise.all(
    bodies.map((body, index) =>
      client.publish({
        url: receiver.url,
        body,
        headers: { "Upstash-Retry-Delay": "100" },
        ...(index < FAILING ? { deduplicationId: `failing ${index}` } : {}),
      }),
    ),
  );
  // Duplicates are no messages.
  await client.publish({ url: receiver.url, body: "again", deduplicationId: "failing 0" });
  receiver.reply(({ headers, body }) => {
    const isFirst = headers["upstash-retried"] === "0";
    const fails = isFirst && Number(body.toString().split(" ")[1]) < FAILING;
    return { status: fails ? 500 : 200, delayMs: 200 };
  });
  const first = start("dispatcher");
  await receiver.waitFor(100);
  await first.end("SIGKILL");
  start("dispatcher");
  await until(async () => (await counted("deliveries")) === 0, 40_000);

  const { body: usage } = await ask(url, "GET", "/v1/usage", { token: DEVELOPMENT.token });
  const arrived = new Set(receiver.requests.map(({ body }) => body.toString()));
  expect(arrived).toEqual(new Set(bodies));
  const recorded = await counted("delivery_logs");
  expect(usage.total).toMatchObject({
    publishes: MESSAGES,
    deliveries: MESSAGES,
    attempts: recorded,
    bytesIn: bodies.join("").length,
  });
  // Every recorded attempt is in the journal; what the killed dispatcher sent and could not record is more.
  expect(recorded).toBe(MESSAGES + FAILING);
  expect(receiver.requests.length).toBeGreaterThanOrEqual(recorded);
  const failing = bodies.slice(0, FAILING).join("").length;
  expect(usage.total.bytesOut).toBe(usage.total.bytesIn + failing);
  expect(usage.cost).toMatchObject({ estimate: 0, freeMessagesPerDay: 1_000 });

  const csv = await ask(url, "GET", "/v1/usage?format=csv", { token: DEVELOPMENT.token });
  expect(csv.headers.get("content-type")).toContain("text/csv");
  const [names, ...lines] = String(csv.body).trimEnd().split("\r\n");
  expect(names).toBe("hour,publishes,deliveries,attempts,bytesIn,bytesOut");
  const sum = lines.reduce((total, line) => total + Number(line.split(",")[1]), 0);
  expect(sum).toBe(MESSAGES);
  const wrong = await ask(url, "GET", "/v1/usage?from=9&to=3", { token: DEVELOPMENT.token });
  expect(wrong.status).toBe(400);
}, 90_000);
