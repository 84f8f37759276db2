import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN, createTenant, type TestTenant } from "./tenant.ts";

// What the protocol has and the official SDK never sends.

let node: RunningNode;
let receiver: Receiver;
let tenant: TestTenant;

beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
});
afterAll(() => node.stop());
beforeEach(async () => {
  receiver = await startReceiver();
  tenant = await createTenant(node, "reads the reference");
});
afterEach(() => receiver.close());

async function json(answer: Promise<Response>): Promise<unknown> {
  const response = await answer;
  expect(response.status).toBe(200);
  return response.json();
}

const listKeys = (query = "") => json(tenant.request("GET", `/v2/flowControl${query}`));
const shownKey = (flowControlKey: string) =>
  expect.objectContaining({ flowControlKey, rateMax: 5, ratePeriod: 60 });

test("03 §6 GET /v2/flowControl lists the keys, also by a part of their names", async () => {
  expect(await listKeys()).toEqual([]);
  for (const key of ["billing-eu", "billing-us", "mail"]) {
    const flowControl = { key, rate: 5, period: 60 };
    await tenant.client.publish({ url: receiver.url, delay: 3600, flowControl });
  }
  const neighbour = await createTenant(node, "neighbour");
  await neighbour.client.flowControl.pause("billing-theirs");
  expect(await listKeys()).toEqual([
    shownKey("billing-eu"),
    shownKey("billing-us"),
    shownKey("mail"),
  ]);
  expect(await listKeys("?search=billing")).toEqual([
    shownKey("billing-eu"),
    shownKey("billing-us"),
  ]);
  expect(await listKeys("?search=none")).toEqual([]);
});

test("03 §6 POST /v2/flowControl/{key}/reset opens a new period, as resetRate does", async () => {
  const flowControl = { key: "key", rate: 1, period: "1d" } as const;
  for (const body of ["0", "1"]) {
    await tenant.client.publish({ url: receiver.url, body, flowControl });
  }
  await receiver.waitFor(1);
  expect(await tenant.client.flowControl.get("key")).toMatchObject({ rateCount: 1 });
  await tenant.request("POST", "/v2/flowControl/key/reset");
  await receiver.waitFor(2);
  expect(receiver.requests.map(({ body }) => String(body))).toEqual(["0", "1"]);
});

test("03 §3 POST /v2/schedules/{id}/pause and POST /v2/schedules/{id}/resume do what PATCH does", async () => {
  const made = await tenant.client.schedules.create({
    destination: receiver.url,
    cron: "0 0 1 1 *",
  });
  const path = `/v2/schedules/${made.scheduleId}`;
  for (const [verb, isPaused] of [
    ["pause", true],
    ["resume", false],
  ] as const) {
    expect((await tenant.request("POST", `${path}/${verb}`)).status).toBe(200);
    expect(await tenant.client.schedules.get(made.scheduleId)).toMatchObject({ isPaused });
  }
  expect(await tenant.client.schedules.list()).toHaveLength(1);
});

test("03 §3 Upstash-Cron, Upstash-Schedule-Id and Upstash-Queue-Name say when, as what and where", async () => {
  const headers = {
    "Upstash-Cron": "0 9 * * 1",
    "Upstash-Schedule-Id": "weekly.report",
    "Upstash-Queue-Name": "reports",
  };
  const path = `/v2/schedules/${receiver.url}`;
  const made = json(tenant.request("POST", path, undefined, headers));
  expect(await made).toEqual({ scheduleId: "weekly.report" });
  expect(await tenant.client.schedules.get("weekly.report")).toMatchObject({
    cron: "0 9 * * 1",
    queueName: "reports",
  });
});

test("01 §5 Upstash-Deduplication-Id and Upstash-Content-Based-Deduplication answer 202 with the first id", async () => {
  const publish = async (body: string, headers: Readonly<Record<string, string>>) => {
    const answer = await tenant.request("POST", `/v2/publish/${receiver.url}`, body, headers);
    const { messageId, deduplicated } = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, messageId, deduplicated };
  };
  const bySameContent = { "Upstash-Content-Based-Deduplication": "true" };
  const byId = await publish("a", { "Upstash-Deduplication-Id": "one" });
  const byContent = await publish("b", bySameContent);
  const both = { ...bySameContent, "Upstash-Deduplication-Id": "one" };
  const duplicate = { status: 202, deduplicated: true };
  expect(await publish("b", both)).toEqual({ ...byId, ...duplicate });
  expect(await publish("b", bySameContent)).toEqual({ ...byContent, ...duplicate });
  const other = await publish("c", bySameContent);
  expect(other).toMatchObject({ status: 200, deduplicated: undefined });
  expect(new Set([byId, byContent, other].map(({ messageId }) => messageId)).size).toBe(3);
  await receiver.waitFor(3);
  expect(receiver.requests).toHaveLength(3);
});

test("01 §3 Upstash-Telemetry-* reaches nobody", async () => {
  await tenant.request("POST", `/v2/publish/${receiver.url}`, "text", {
    "Upstash-Telemetry-Sdk": "mine@1, theirs@2",
    "Upstash-Telemetry-Runtime": "node",
    "Upstash-Forward-X-Mine": "kept",
  });
  const [request] = await receiver.waitFor(1);
  expect(request?.headers["x-mine"]).toBe("kept");
  expect(JSON.stringify(request?.headers)).not.toMatch(/telemetry|theirs@2/i);
  await until(async () => (await tenant.client.logs()).logs.length === 3);
  expect(JSON.stringify((await tenant.client.logs()).logs)).not.toMatch(/telemetry/i);
});
