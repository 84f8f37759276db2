import { randomBytes } from "node:crypto";

import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

import { moveHistoryBack } from "./move-history-back.ts";
import { ask, asOperator, type Answer } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN } from "./tenant.ts";

/** What is large takes its time on a machine that is busy. */
const LONG = { timeoutMs: 30_000 };

let node: RunningNode;
let receiver: Receiver;
beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await node.stop();
});

async function tenantWith(limits: Readonly<Record<string, number>>) {
  const { body } = await asOperator(node, "POST", "/tenants", { name: "t", plan: "pay-as-you-go" });
  const { id, token } = body as { id: string; token: string };
  const { status } = await asOperator(node, "PUT", `/tenants/${id}/plan`, { limits });
  expect(status).toBe(200);
  const get = async (path: string) => (await ask(node.url, "GET", path, { token })).body as unknown;
  const publish = (settings: string, path = "/"): Promise<Answer> =>
    ask(node.url, "POST", `/v2/publish/${receiver.url}${path}?${settings}`, { token, body: {} });
  return { id, token, get, publish };
}

async function query(text: string, tenantId: string): Promise<pg.QueryResult<{ n: number }>> {
  const client = new pg.Client({ connectionString: node.databaseUrl });
  await client.connect();
  const result = await client.query<{ n: number }>(text, [tenantId]);
  await client.end();
  return result;
}

/** Lets the years pass for what waits. */
async function dueNow(tenantId: string): Promise<void> {
  await query("UPDATE deliveries SET due_at = now() WHERE tenant_id = $1", tenantId);
}

async function lettersOf(tenantId: string): Promise<number | undefined> {
  const text = "SELECT count(*)::int AS n FROM dead_letters WHERE tenant_id = $1";
  return (await query(text, tenantId)).rows[0]?.n;
}

test("06 §1 a delay of almost five years is kept, shown and delivered, and one beyond the limit is 412", async () => {
  const { id, get, publish } = await tenantWith({ delayMs: 1_826 * 86_400_000 });
  const { body, status } = await publish("upstash-delay=1825d&upstash-retries=1000", "/late");
  expect(status).toBe(200);
  const { messageId } = body as { messageId: string };
  const { notBefore } = (await get(`/v2/messages/${messageId}`)) as { notBefore: number };
  expect(Math.round((notBefore - Date.now()) / 86_400_000)).toBe(1_825);
  expect((await publish("upstash-delay=1827d")).status).toBe(412);
  await dueNow(id);
  await until(async () => receiver.requests.some(({ url }) => url === "/late"));
});

test("06 §1 a body of 50 MiB is stored, delivered, shown and retried as it was sent, and a byte more is 413", async () => {
  const most = 50 * 1024 * 1024;
  const { id, token, get } = await tenantWith({ messageBytes: most });
  const body = randomBytes(most);
  const send = (bytes: Buffer, path: string, to = `publish/${receiver.url}/large`) =>
    fetch(`${node.url}/v2/${to}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" },
      body: bytes,
    });
  receiver.reply("/large-dead", () => ({ status: 500 }));
  expect((await send(body, "")).status).toBe(200);
  expect((await send(body, "-dead?upstash-retries=0")).status).toBe(200);
  expect((await send(Buffer.alloc(most + 1), "")).status).toBe(413);
  const schedule = await send(body, "?upstash-cron=*%20*%20*%20*%20*", `schedules/${receiver.url}`);
  expect(schedule.status).toBe(413);
  const arrived = await receiver.waitFor(({ url }) => url.startsWith("/large"), LONG);
  expect(arrived[0]?.body.equals(body)).toBe(true);
  // Lists of it bring its body, so that it is asked for once, when it is there.
  await until(async () => (await lettersOf(id)) === 1, LONG.timeoutMs);
  const { messages } = (await get("/v2/dlq")) as {
    messages: { dlqId: string; bodyBase64: string }[];
  };
  const dlqId = messages[0]?.dlqId ?? "";
  expect(Buffer.from(messages[0]?.bodyBase64 ?? "", "base64").equals(body)).toBe(true);
  receiver.reply("/large-dead", () => ({ status: 200 }));
  expect((await ask(node.url, "POST", `/v2/dlq/retry/${dlqId}`, { token })).status).toBe(201);
  await until(
    async () => receiver.requests.filter(({ url }) => url === "/large-dead").length === 2,
    LONG.timeoutMs,
  );
  expect(receiver.requests.at(-1)?.body.equals(body)).toBe(true);
}, 120_000);

test("06 §1 a time-out of twelve hours is taken and shown, and one beyond the limit is 412", async () => {
  const { get, publish } = await tenantWith({ timeoutMs: 12 * 3_600_000 });
  const { body, status } = await publish("upstash-timeout=12h", "/slow");
  expect(status).toBe(200);
  await until(async () => receiver.requests.some(({ url }) => url === "/slow"));
  const { messageId } = body as { messageId: string };
  const { events } = (await get(`/v2/events?messageId=${messageId}`)) as {
    events: { timeout?: number }[];
  };
  expect(events[0]?.timeout).toBe(43_200_000);
  expect((await publish("upstash-timeout=43201")).status).toBe(412);
});

test("06 §1 logs and dead letters of two months ago are there for a plan of 90 days, and for no other", async () => {
  for (const [days, count] of [
    [90, 1],
    [30, 0],
  ] as const) {
    const limits = { logRetentionDays: days, deadLetterRetentionDays: days };
    const { id, get, publish } = await tenantWith(limits);
    receiver.reply("/dead", () => ({ status: 500 }));
    await publish("upstash-retries=0", "/dead");
    const letters = async () => ((await get("/v2/dlq")) as { messages: unknown[] }).messages;
    await until(async () => (await letters()).length === 1);
    await moveHistoryBack(node.databaseUrl, id, 60);
    const toDate = Date.now() - 59 * 86_400_000;
    const { events } = (await get(`/v2/events?state=FAILED&toDate=${toDate}`)) as {
      events: unknown[];
    };
    expect([days, events.length]).toEqual([days, count]);
    expect([days, (await letters()).length]).toEqual([days, count]);
  }
});
