import { until } from "@omnistore/testkit/until";
import { expect, test } from "vitest";

import { createTenant } from "./tenant.ts";
import { world } from "./world.ts";

// What the protocol has and the official SDK never sends.

const there = world();

async function json(answer: Promise<Response>): Promise<unknown> {
  const response = await answer;
  expect(response.status).toBe(200);
  return response.json();
}

const listKeys = (query = "") => json(there.tenant.request("GET", `/v2/flowControl${query}`));
const shownKey = (flowControlKey: string) =>
  expect.objectContaining({ flowControlKey, rateMax: 5, ratePeriod: 60 });

test("03 §6 GET /v2/flowControl lists the keys, also by a part of their names", async () => {
  expect(await listKeys()).toEqual([]);
  for (const key of ["billing-eu", "billing-us", "mail"]) {
    const flowControl = { key, rate: 5, period: 60 };
    await there.tenant.client.publish({ url: there.receiver.url, delay: 3600, flowControl });
  }
  const neighbour = await createTenant(there.node, "neighbour");
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
    await there.tenant.client.publish({ url: there.receiver.url, body, flowControl });
  }
  await there.receiver.waitFor(1);
  expect(await there.tenant.client.flowControl.get("key")).toMatchObject({ rateCount: 1 });
  await there.tenant.request("POST", "/v2/flowControl/key/reset");
  await there.receiver.waitFor(2);
  expect(there.receiver.requests.map(({ body }) => String(body))).toEqual(["0", "1"]);
});

test("03 §3 POST /v2/schedules/{id}/pause and POST /v2/schedules/{id}/resume do what PATCH does", async () => {
  const made = await there.tenant.client.schedules.create({
    destination: there.receiver.url,
    cron: "0 0 1 1 *",
  });
  const path = `/v2/schedules/${made.scheduleId}`;
  for (const [verb, isPaused] of [
    ["pause", true],
    ["resume", false],
  ] as const) {
    expect((await there.tenant.request("POST", `${path}/${verb}`)).status).toBe(200);
    expect(await there.tenant.client.schedules.get(made.scheduleId)).toMatchObject({ isPaused });
  }
  expect(await there.tenant.client.schedules.list()).toHaveLength(1);
});

test("03 §3 Upstash-Cron, Upstash-Schedule-Id and Upstash-Queue-Name say when, as what and where", async () => {
  const headers = {
    "Upstash-Cron": "0 9 * * 1",
    "Upstash-Schedule-Id": "weekly.report",
    "Upstash-Queue-Name": "reports",
  };
  const path = `/v2/schedules/${there.receiver.url}`;
  const made = json(there.tenant.request("POST", path, undefined, headers));
  expect(await made).toEqual({ scheduleId: "weekly.report" });
  expect(await there.tenant.client.schedules.get("weekly.report")).toMatchObject({
    cron: "0 9 * * 1",
    queueName: "reports",
  });
});

test("01 §5 Upstash-Deduplication-Id and Upstash-Content-Based-Deduplication answer 202 with the first id", async () => {
  const publish = async (body: string, headers: Readonly<Record<string, string>>) => {
    const answer = await there.tenant.request(
      "POST",
      `/v2/publish/${there.receiver.url}`,
      body,
      headers,
    );
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
  await there.receiver.waitFor(3);
  expect(there.receiver.requests).toHaveLength(3);
});

test("01 §3 Upstash-Telemetry-* reaches nobody", async () => {
  await there.tenant.request("POST", `/v2/publish/${there.receiver.url}`, "text", {
    "Upstash-Telemetry-Sdk": "mine@1, theirs@2",
    "Upstash-Telemetry-Runtime": "node",
    "Upstash-Forward-X-Mine": "kept",
  });
  const [request] = await there.receiver.waitFor(1);
  expect(request?.headers["x-mine"]).toBe("kept");
  expect(JSON.stringify(request?.headers)).not.toMatch(/telemetry|theirs@2/i);
  await until(async () => (await there.tenant.client.logs()).logs.length === 3);
  expect(JSON.stringify((await there.tenant.client.logs()).logs)).not.toMatch(/telemetry/i);
});
