import { DEVELOPMENT, officialClient } from "@omnistore/testkit/official-client";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import type { Client } from "@upstash/qstash";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { startNode, type RunningNode } from "./running-node.ts";

const ID = expect.stringMatching(/^msg_[0-9a-f]{32}$/);

let node: RunningNode;
let client: Client;
let receiver: Receiver;

beforeAll(async () => {
  node = await startNode();
  client = officialClient(node.url);
});
afterAll(() => node.stop());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

/** As a client of another language sends it. */
async function send(batch: unknown): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(`${node.url}/v2/batch`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${DEVELOPMENT.token}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(batch),
  });
  return { status: response.status, answer: await response.json() };
}

describe("01 §8 a batch", () => {
  test("of URLs, a topic and a queue is delivered, and answered in its order", async () => {
    const endpoints = ["/t1", "/t2"].map((path) => ({ url: receiver.url + path }));
    await client.urlGroups.addEndpoints({ name: "t", endpoints });
    const results = await client.batchJSON([
      { url: `${receiver.url}/one?a=b`, body: { n: 1 }, method: "PUT", headers: { "X-Mine": "1" } },
      { urlGroup: "t", body: { n: 2 } },
      { url: `${receiver.url}/queued`, body: { n: 3 }, queueName: "q" },
      { urlGroup: "t", body: { n: 4 }, queueName: "q", delay: 3600 },
    ]);
    const toTopic = endpoints.map(({ url }) => ({ messageId: ID, url }));
    expect(results).toEqual([{ messageId: ID }, toTopic, { messageId: ID }, toTopic]);
    await receiver.waitFor(4);
    const received = Object.fromEntries(receiver.requests.map((each) => [each.url, each]));
    expect(Object.keys(received).toSorted()).toEqual(["/one?a=b", "/queued", "/t1", "/t2"]);
    expect(received["/one?a=b"]).toMatchObject({ method: "PUT" });
    expect(received["/one?a=b"]?.headers).toMatchObject({
      "x-mine": "1",
      "content-type": "application/json",
    });
    expect(String(received["/t2"]?.body)).toBe('{"n":2}');
    const delayed = results[3] as unknown as { messageId: string }[];
    await expect(client.messages.get(delayed[0]?.messageId ?? "")).resolves.toMatchObject({
      queueName: "q",
      urlGroup: "t",
    });
  });

  test("keeps the order of its messages in each queue", async () => {
    const names = ["first", "second"];
    const batch = Array.from({ length: 60 }, (_, index) => ({
      url: `${receiver.url}/${names[index % 2]}`,
      body: String(index),
      queueName: `order-${names[index % 2]}`,
    }));
    await client.batch(batch);
    await receiver.waitFor(60);
    for (const [at, name] of names.entries()) {
      const bodies = receiver.requests
        .filter(({ url }) => url === `/${name}`)
        .map(({ body }) => Number(String(body)));
      expect(bodies).toEqual(Array.from({ length: 30 }, (_, index) => index * 2 + at));
    }
  });

  test("shares the database's work: a hundred messages are a handful of transactions", async () => {
    const database = new pg.Client({ connectionString: node.databaseUrl });
    await database.connect();
    const transactions = async () => {
      const { rows } = await database.query<{ n: number }>(
        "SELECT count(DISTINCT xmin::text)::int AS n FROM messages WHERE destination LIKE '%/shared'",
      );
      return rows[0]?.n;
    };
    const item = { destination: `${receiver.url}/shared` };
    const { answer } = await send(Array.from({ length: 100 }, () => item));
    expect(answer).toHaveLength(100);
    expect(await transactions()).toBeLessThanOrEqual(2);
    await database.end();
    await receiver.waitFor(100);
  });

  test("05 §6 as Python sends it is delivered with empty bodies and no queue", async () => {
    const headers = { "Upstash-Method": "POST", "Upstash-Content-Based-Deduplication": "False" };
    const item = { destination: `${receiver.url}/py`, headers, body: null, queue: null };
    const { status, answer } = await send([item, { ...item, body: "text" }]);
    expect([status, answer]).toEqual([200, [{ messageId: ID }, { messageId: ID }]]);
    await receiver.waitFor(2);
    expect(receiver.requests.map(({ body }) => String(body)).toSorted()).toEqual(["", "text"]);
  });

  test("07 Q14 tells errors and duplicates in their places, and delivers the others", async () => {
    const good = {
      destination: `${receiver.url}/good`,
      headers: { "Upstash-Deduplication-Id": "in-a-batch" },
    };
    const { status, answer } = await send([
      good,
      { destination: "no-topic" },
      good,
      { destination: receiver.url, headers: { "Upstash-Retries": "many" } },
    ]);
    expect(status).toBe(200);
    const [first] = answer as { messageId: string }[];
    expect(answer).toEqual([
      { messageId: ID },
      { error: expect.stringContaining("endpoint has invalid scheme") },
      { messageId: first?.messageId, deduplicated: true },
      { error: expect.stringContaining('Upstash-Retries "many"') },
    ]);
    await receiver.waitFor(1);
    const refused = await send([{ destination: "no-topic" }]);
    expect(refused.status).toBe(400);
    expect(receiver.requests).toHaveLength(1);
  });

  test("01 §9 an item's flow control and callback take effect", async () => {
    const flow = {
      "upstash-flow-control-key": "batch-key",
      "upstash-flow-control-value": "parallelism=2, rate=100, period=1m",
    };
    const callback = `${receiver.url}/callback`;
    const { answer } = await send([{ destination: `${receiver.url}/a`, headers: flow, callback }]);
    expect(answer).toEqual([{ messageId: ID }]);
    await receiver.waitFor(({ url }) => url === "/callback");
    await expect(client.flowControl.get("batch-key")).resolves.toMatchObject({
      parallelismMax: 2,
      rateMax: 100,
      ratePeriod: 60,
    });
  });

  test("a large one is taken: a thousand messages, twenty million bytes", async () => {
    const body = "x".repeat(20_000);
    const item = { destination: `${receiver.url}/large`, body, headers: { "Upstash-Delay": "1d" } };
    const { status, answer } = await send(Array.from({ length: 1000 }, () => item));
    expect(status).toBe(200);
    const ids = (answer as { messageId: string }[]).map(({ messageId }) => messageId);
    expect(new Set(ids).size).toBe(1000);
    const message = await client.messages.get(ids[999] ?? "");
    expect(message.body).toBe(body);
  });
});

describe("01 §8 enqueue", () => {
  test("answers one id, and what waits in the queue can be read", async () => {
    const queue = client.queue({ queueName: "shape" });
    const flowControl = { key: "shape-key", parallelism: 3 };
    const url = `${receiver.url}/job`;
    const result = await queue.enqueueJSON({ url, body: { a: 1 }, delay: 3600, flowControl });
    expect(result).toEqual({ messageId: ID });
    // 07 Q47: a period is shown although only parallelism was given, a rate is not.
    const message = await client.messages.get(result.messageId);
    expect(message).toMatchObject({
      queueName: "shape",
      flowControlKey: "shape-key",
      parallelism: 3,
      period: 1,
    });
    expect(message).not.toHaveProperty("rate");
    await queue.enqueueJSON({ url, body: { a: 2 } });
    const [request] = await receiver.waitFor(1);
    expect(String(request?.body)).toBe('{"a":2}');
  });
});
