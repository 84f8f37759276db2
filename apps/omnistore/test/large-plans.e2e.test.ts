import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

import { moveHistoryBack } from "./move-history-back.ts";
import { ask, asOperator, type Answer } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN } from "./tenant.ts";

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
  const publish = (query: string, path = "/"): Promise<Answer> =>
    ask(node.url, "POST", `/v2/publish/${receiver.url}${path}?${query}`, { token, body: {} });
  return { id, get, publish };
}

/** Lets the years pass for what waits. */
async function dueNow(tenantId: string): Promise<void> {
  const client = new pg.Client({ connectionString: node.databaseUrl });
  await client.connect();
  await client.query("UPDATE deliveries SET due_at = now() WHERE tenant_id = $1", [tenantId]);
  await client.end();
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
