import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";
import { DEVELOPMENT, officialClient } from "@omnistore/testkit/official-client";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const LEASE_SECONDS = 2;
/** Longer than the test waits: nothing here comes from a lease that ran out. */
const LONG_LEASE_SECONDS = 60;

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

function start(app: "api" | "dispatcher", leaseSeconds = LEASE_SECONDS): RunningProcess {
  const child = startProcess(`apps/${app}/src/main.ts`, {
    DATABASE_URL: database.url,
    PORT: "0",
    LOG_LEVEL: "info",
    OMNISTORE_LEASE_SECONDS: String(leaseSeconds),
  });
  running.push(child);
  return child;
}

async function startApi(): Promise<{ child: RunningProcess; url: string }> {
  const child = start("api");
  const line = JSON.parse(await child.line("the api is listening")) as { port: number };
  return { child, url: `http://127.0.0.1:${line.port}` };
}

async function waiting(): Promise<number> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ n: number }>("SELECT count(*)::int AS n FROM deliveries");
    return rows[0]?.n ?? -1;
  } finally {
    await client.end();
  }
}

function arrivals(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { headers } of receiver.requests) {
    const id = String(headers["upstash-message-id"]);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

describe("02 §1 SIGKILL", () => {
  test("of the dispatcher in the middle of deliveries loses no acknowledged message", async () => {
    const MESSAGES = 600;
    const { url } = await startApi();
    const client = officialClient(url);
    const published = await Promise.all(
      Array.from({ length: MESSAGES }, (_, index) =>
        client.publish({ url: receiver.url, body: String(index) }),
      ),
    );
    // Slow enough that the kill comes while many attempts are under way.
    receiver.reply(() => ({ status: 200, delayMs: 300 }));
    const first = start("dispatcher");
    await receiver.waitFor(150);
    await first.end("SIGKILL");
    const arrivedBefore = receiver.requests.length;
    expect(arrivedBefore).toBeLessThan(MESSAGES);

    start("dispatcher");
    await until(async () => (await waiting()) === 0, 30_000);
    const counts = arrivals();
    expect(published.filter(({ messageId }) => !counts.has(messageId))).toEqual([]);
    // What was under way at the kill may come twice, nothing else.
    const twice = [...counts.values()].filter((count) => count > 1).length;
    expect(twice).toBeLessThanOrEqual(256);
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(2);
  });

  test("of the api in the middle of publishes loses no acknowledged message", async () => {
    start("dispatcher");
    const { child, url } = await startApi();
    const acknowledged: string[] = [];
    const publishers = Array.from({ length: 32 }, async () => {
      for (;;) {
        const answer = await fetch(`${url}/v2/publish/${receiver.url}`, {
          method: "POST",
          headers: { authorization: `Bearer ${DEVELOPMENT.token}` },
          body: "x",
        })
          .then((response) => response.json() as Promise<{ messageId: string }>)
          .catch(() => null);
        if (answer === null) return;
        acknowledged.push(answer.messageId);
      }
    });
    await until(async () => acknowledged.length >= 300);
    await child.end("SIGKILL");
    await Promise.all(publishers);
    expect(acknowledged.length).toBeGreaterThanOrEqual(300);

    await until(async () => (await waiting()) === 0, 30_000);
    const counts = arrivals();
    expect(acknowledged.filter((id) => !counts.has(id))).toEqual([]);
    expect(Math.max(...counts.values())).toBe(1);
  });

  test("of everything at once: the next start delivers what was accepted", async () => {
    const { child, url } = await startApi();
    const client = officialClient(url);
    const dispatcher = start("dispatcher");
    receiver.reply(() => "hang");
    const { messageId } = await client.publish({ url: receiver.url, body: "held" });
    const { messageId: delayed } = await client.publish({
      url: receiver.url,
      delay: 3,
      body: "due",
    });
    await receiver.waitFor(1);
    await Promise.all([child.end("SIGKILL"), dispatcher.end("SIGKILL")]);
    receiver.reply(() => ({ status: 200 }));

    start("dispatcher");
    await until(async () => (await waiting()) === 0, 20_000);
    expect(arrivals().get(messageId)).toBe(2);
    expect(arrivals().get(delayed)).toBe(1);
  });
});

test("SIGTERM hands back what is under way, and another dispatcher takes it at once", async () => {
  const { url } = await startApi();
  const first = start("dispatcher", LONG_LEASE_SECONDS);
  receiver.reply(() => "hang");
  await officialClient(url).publish({ url: receiver.url, body: "mine" });
  await receiver.waitFor(1);
  receiver.reply(() => ({ status: 200 }));
  await first.end("SIGTERM");
  start("dispatcher", LONG_LEASE_SECONDS);
  const arrived = await receiver.waitFor(2, { timeoutMs: 20_000 });
  expect(arrived.map(({ body }) => body.toString())).toEqual(["mine", "mine"]);
});

test("SIGTERM hands back what waits in memory, too", async () => {
  const child = startProcess(
    "apps/omnistore/src/main.ts",
    {
      DATABASE_URL: database.url,
      PORT: "0",
      OMNISTORE_LEASE_SECONDS: String(LONG_LEASE_SECONDS),
    },
    ["start"],
  );
  running.push(child);
  const url = (await child.line("OmniStore is ready: ")).split(": ")[1]?.trim() ?? "";
  receiver.reply(() => "hang");
  const messages = Array.from({ length: 900 }, () => ({ url: receiver.url, body: "x" }));
  const answers = await officialClient(url).batch(messages);
  const ids = answers.flatMap((answer) => ("messageId" in answer ? answer.messageId : []));
  await receiver.waitFor(1);
  await child.end("SIGTERM");
  const seen = new Set(arrivals().keys());
  receiver.reply(() => ({ status: 200 }));
  start("dispatcher", LONG_LEASE_SECONDS);
  await until(async () => (await waiting()) === 0, 20_000);
  const counts = arrivals();
  expect(new Set(counts.keys())).toEqual(new Set(ids));
  const neverSent = ids.filter((id) => !seen.has(id));
  expect(neverSent.length).toBeGreaterThan(0);
  expect(neverSent.map((id) => counts.get(id))).toEqual(neverSent.map(() => 1));
});
