import { HOSTILE_DESTINATIONS } from "@omnistore/testkit/hostile-destinations";
import { freshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN, createTenant, type TestTenant } from "./tenant.ts";

const HOSTED = {
  OMNISTORE_MODE: "hosted",
  OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN,
  OMNISTORE_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
};

describe("a hosted service, asked to deliver to a hostile destination,", () => {
  let node: RunningNode;
  let tenant: TestTenant;
  beforeAll(async () => {
    node = await startNode({ ...HOSTED, OMNISTORE_PUBLIC_URL: "https://queue.example" });
    tenant = await createTenant(node, "curious");
  });
  afterAll(() => node.stop());

  async function refusal(method: string, path: string, body: unknown, headers = {}) {
    const response = await tenant.request(method, path, body, headers);
    const answer: unknown = await response.json();
    return { status: response.status, text: JSON.stringify(answer) };
  }

  test.each(HOSTILE_DESTINATIONS)("refuses %j", async ({ url, says }) => {
    // As a client sends it that escapes the destination, so that all of it arrives as it is.
    const text = JSON.stringify(url.isWellFormed() ? says : "blank").slice(1, -1);
    if (url.isWellFormed()) {
      const path = `/v2/publish/${encodeURIComponent(url)}`;
      const published = await refusal("POST", path, undefined);
      expect(published.status).toBe(400);
      if (/^https?:\/\//.test(url)) expect(published.text).toContain(text);
    }
    const batched = await refusal("POST", "/v2/batch", [{ destination: url }]);
    expect(batched).toMatchObject({ status: 400, text: expect.stringContaining(text) as string });
  });

  test("as a callback, a failure callback, an endpoint or by a schedule refuses it as well", async () => {
    const hostile = "http://169.254.169.254/latest";
    const publish = `/v2/publish/https://public.example/`;
    for (const header of [
      "Upstash-Callback",
      "Upstash-Failure-Callback",
      "Upstash-Callback-Failure-Callback",
    ]) {
      const headers = { "Upstash-Callback": "https://public.example/", [header]: hostile };
      await expect(refusal("POST", publish, {}, headers)).resolves.toMatchObject({
        status: 400,
        text: expect.stringContaining(`${header} \\"${hostile}\\"`) as string,
      });
    }
    const others = [
      refusal("POST", "/v2/topics/t/endpoints", { endpoints: [{ url: hostile }] }),
      refusal("POST", `/v2/schedules/${hostile}`, {}, { "Upstash-Cron": "* * * * *" }),
      refusal("POST", `/v2/enqueue/q/${hostile}`, {}),
      refusal("POST", `${publish}?upstash-callback=${encodeURIComponent(hostile)}`, {}),
    ];
    for (const answer of await Promise.all(others)) {
      expect(answer).toMatchObject({
        status: 400,
        text: expect.stringContaining("private address: 169.254.169.254") as string,
      });
    }
  });

  test("refuses a delivery that reached it under a name it does not know", async () => {
    const database = await freshDatabase();
    const looping = await startNode(
      { ...HOSTED, OMNISTORE_ALLOW_NETWORKS: "127.0.0.1/32" },
      database,
    );
    const { client, token } = await createTenant(looping, "looping");
    const inner = `${looping.url}/v2/publish/https://public.example/?qstash_token=${token}`;
    const { messageId } = await client.publish({ url: inner, retries: 0 });
    const dead = await until(async () => {
      const { messages } = await client.dlq.listMessages({ filter: { messageId } });
      return messages[0];
    });
    expect(dead).toMatchObject({
      responseStatus: 400,
      responseBody: expect.stringContaining(`delivery, of message ${messageId}`) as string,
    });
    const { events } = await client.events();
    expect(new Set(events.map((event) => event.messageId))).toEqual(new Set([messageId]));
    await looping.stop();
    await database.drop();
  });

  test("refuses its own address, which it knows by OMNISTORE_PUBLIC_URL", async () => {
    const path = "/v2/publish/https://queue.example/v2/publish/https://public.example";
    await expect(refusal("POST", path, {})).resolves.toMatchObject({
      status: 400,
      text: expect.stringContaining("endpoint is this API itself: queue.example") as string,
    });
  });
});

describe("a network that the operator opens", () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  test("is delivered to while it is open, and not by an attempt after it was closed", async () => {
    const database = await freshDatabase();
    const open = await startNode({ ...HOSTED, OMNISTORE_ALLOW_NETWORKS: "127.0.0.1/32" }, database);
    const tenant = await createTenant(open, "neighbour");
    await tenant.client.publish({ url: `${receiver.url}/open` });
    await receiver.waitFor(({ url }) => url === "/open");
    const late = await tenant.client.publish({ url: `${receiver.url}/late`, delay: 2, retries: 0 });
    await open.stop();

    const closed = await startNode(HOSTED, database);
    const client = (path: string) =>
      fetch(`${closed.url}${path}`, { headers: { authorization: `Bearer ${tenant.token}` } });
    const entry = await until(async () => {
      const answer = await client(`/v2/dlq?messageId=${late.messageId}`);
      const { messages } = (await answer.json()) as { messages: unknown[] };
      return messages[0];
    });
    expect(entry).toMatchObject({ messageId: late.messageId });
    const log = await client(`/v2/events?messageId=${late.messageId}&state=ERROR`);
    await expect(log.json()).resolves.toMatchObject({
      events: [{ error: expect.stringContaining("loopback address: 127.0.0.1") as string }],
    });
    expect(receiver.requests.map(({ url }) => url)).toEqual(["/open"]);
    await closed.stop();
    await database.drop();
  });
});
