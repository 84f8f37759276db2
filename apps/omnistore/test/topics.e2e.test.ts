import { startProcess } from "@omnistore/testkit/child-process";
import { DEVELOPMENT, officialClient, officialReceiver } from "@omnistore/testkit/official-client";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import type { Client } from "@upstash/qstash";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { startNode, type RunningNode } from "./running-node.ts";

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
afterEach(async () => {
  await Promise.all(
    (await client.urlGroups.list()).map(({ name }) => client.urlGroups.delete(name)),
  );
  await receiver.close();
});

const endpoint = (path: string, name?: string) => ({
  url: receiver.url + path,
  ...(name === undefined ? {} : { name }),
});

const pathsReceived = () => receiver.requests.map(({ url }) => url).toSorted();

function call(method: string, path: string, body?: object): Promise<Response> {
  return fetch(node.url + path, {
    method,
    headers: { authorization: `Bearer ${DEVELOPMENT.token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

describe("03 §4 topics", () => {
  test("are made, changed, listed and removed by their endpoints", async () => {
    const { urlGroups } = client;
    await urlGroups.addEndpoints({ name: "t", endpoints: [endpoint("/a", "a"), endpoint("/b")] });
    await urlGroups.addEndpoints({ name: "u", endpoints: [endpoint("/c")] });
    await urlGroups.addEndpoints({ name: "t", endpoints: [endpoint("/a2", "a"), endpoint("/c")] });
    const group = await urlGroups.get("t");
    expect(group).toEqual({
      name: "t",
      createdAt: expect.any(Number),
      updatedAt: expect.any(Number),
      endpoints: [endpoint("/a2", "a"), endpoint("/b"), endpoint("/c")],
    });
    expect(Math.abs(group.createdAt - Date.now())).toBeLessThan(60_000);
    expect((await urlGroups.list()).map(({ name }) => name)).toEqual(["t", "u"]);

    await urlGroups.removeEndpoints({ name: "t", endpoints: [{ name: "a" }, endpoint("/b")] });
    expect((await urlGroups.get("t")).endpoints).toEqual([endpoint("/c")]);
    await urlGroups.removeEndpoints({ name: "t", endpoints: [endpoint("/c")] });
    await expect(urlGroups.get("t")).rejects.toMatchObject({ status: 404 });
    await urlGroups.delete("u");
    await expect(urlGroups.delete("u")).rejects.toMatchObject({ status: 404 });
    expect(await urlGroups.list()).toEqual([]);
  });
});

describe("01 §2 a message to a topic", () => {
  test("reaches every endpoint, each with an id, a signature and retries of its own", async () => {
    const endpoints = [endpoint("/good", "good"), endpoint("/bad?x=1")];
    await client.urlGroups.addEndpoints({ name: "t", endpoints });
    receiver.reply("/bad", ({ headers }) => ({
      status: headers["upstash-retried"] === "1" ? 200 : 500,
    }));
    const results = await client.publishJSON({
      urlGroup: "t",
      body: { n: 1 },
      headers: { "X-Mine": "kept" },
      retries: 1,
      retryDelay: "50",
    });
    expect(results.map(({ url }) => url)).toEqual(endpoints.map(({ url }) => url));
    await receiver.waitFor(3);
    expect(pathsReceived()).toEqual(["/bad?x=1", "/bad?x=1", "/good"]);
    for (const request of receiver.requests) {
      const at = request.url === "/good" ? 0 : 1;
      expect(request.headers).toMatchObject({
        "upstash-message-id": results[at]?.messageId,
        "upstash-topic-name": "t",
        "x-mine": "kept",
        "content-type": "application/json",
      });
      const signature = String(request.headers["upstash-signature"]);
      const url = results[at]?.url ?? "";
      const verified = officialReceiver().verify({ signature, body: String(request.body), url });
      await expect(verified).resolves.toBe(true);
    }
    const events = await until(async () => {
      const found = await client.events({ filter: { urlGroup: "t" } });
      return found.events.filter(({ state }) => state === "DELIVERED").length === 2 && found.events;
    });
    const named = events.filter(({ messageId }) => messageId === results[0]?.messageId);
    for (const event of events) expect(event).toMatchObject({ topicName: "t", urlGroup: "t" });
    for (const event of named) expect(event).toMatchObject({ endpointName: "good" });
  });

  test("07 Q8 that is published again is a duplicate at each endpoint, and a new endpoint gets it", async () => {
    const copy = { body: "x", deduplicationId: "topic-once" };
    const once = { ...copy, urlGroup: "t" };
    const endpoints = [endpoint("/a"), endpoint("/b")];
    await client.urlGroups.addEndpoints({ name: "t", endpoints });
    const copies = await Promise.all(Array.from({ length: 50 }, () => client.publish(once)));
    const ids = new Set(
      copies.map((each) => JSON.stringify(each.map(({ messageId }) => messageId))),
    );
    expect(ids.size).toBe(1);
    const firsts = copies.flat().filter(({ deduplicated }) => deduplicated !== true);
    expect(firsts).toHaveLength(2);
    const answer = await fetch(`${node.url}/v2/publish/t`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${DEVELOPMENT.token}`,
        "upstash-deduplication-id": "topic-once",
      },
    });
    expect(answer.status).toBe(202);
    await client.urlGroups.addEndpoints({ name: "t", endpoints: [endpoint("/c")] });
    const third = await client.publish(once);
    expect(third.map(({ deduplicated }) => deduplicated === true)).toEqual([true, true, false]);
    // The same id to a URL is another message: topics have a space of their own.
    const direct = await client.publish({ ...copy, url: `${receiver.url}/a` });
    expect(direct).not.toHaveProperty("deduplicated");
    await receiver.waitFor(4);
    expect(pathsReceived()).toEqual(["/a", "/a", "/b", "/c"]);
  });

  test("00 §8 takes from the topic what its publisher leaves out", async () => {
    await client.urlGroups.addEndpoints({ name: "t", endpoints: [endpoint("/a")] });
    const headers = {
      "Upstash-Method": "PUT",
      "Upstash-Label": ["topic"],
      "Upstash-Forward-X-Topic": "yes",
      "Upstash-Forward-X-Both": "topic",
      "Upstash-Delay": "1h",
    };
    const patched = await call("PATCH", "/v2/topics/t", { headers });
    expect(patched.status).toBe(200);
    const waiting = await call("POST", "/v2/publish/t?upstash-retries=7");
    const [{ messageId }] = (await waiting.json()) as [{ messageId: string }];
    const message = await client.messages.get(messageId);
    expect(message).toMatchObject({ method: "PUT", maxRetries: 7, label: "topic", urlGroup: "t" });
    expect(message.notBefore).toBeGreaterThan(Date.now() + 3_500_000);
    await client.publish({
      urlGroup: "t",
      method: "PATCH",
      delay: 0,
      headers: { "X-Both": "publisher" },
    });
    const [request] = await receiver.waitFor(1);
    expect(request?.method).toBe("PATCH");
    expect(request?.headers).toMatchObject({ "x-topic": "yes", "x-both": "publisher" });
  });

  test("goes on when the topic is deleted, and a name that is no topic is no destination", async () => {
    await client.urlGroups.addEndpoints({ name: "t", endpoints: [endpoint("/late")] });
    await client.publish({ urlGroup: "t", delay: 1 });
    await client.urlGroups.delete("t");
    await expect(client.publish({ urlGroup: "t" })).rejects.toThrow(
      '{"error":"invalid destination url: endpoint has invalid scheme, add http:// or https://"}',
    );
    await receiver.waitFor(1);
  });

  test("07 Q42 has a callback for each endpoint, which names the topic", async () => {
    const endpoints = [endpoint("/a"), endpoint("/b")];
    await client.urlGroups.addEndpoints({ name: "t", endpoints });
    await client.publish({ urlGroup: "t", callback: `${receiver.url}/callback` });
    await until(async () => receiver.requests.length === 4);
    const callbacks = receiver.requests
      .filter(({ url }) => url === "/callback")
      .map(({ body }): unknown => JSON.parse(body.toString()));
    expect(callbacks).toEqual([
      expect.objectContaining({ topicName: "t" }),
      expect.objectContaining({ topicName: "t" }),
    ]);
  });
});

describe("01 §1 enqueue to a topic", () => {
  test("delivers each message of it in the queue's order", async () => {
    await client.urlGroups.addEndpoints({ name: "t", endpoints: [endpoint("/a"), endpoint("/b")] });
    const queue = client.queue({ queueName: "topic-queue" });
    const bodies = ["1", "2", "3", "4"];
    for (const body of bodies) {
      const results = await queue.enqueue({ urlGroup: "t", body });
      expect(results.map(({ url }) => url)).toEqual([`${receiver.url}/a`, `${receiver.url}/b`]);
    }
    await receiver.waitFor(8);
    expect(receiver.requests.map(({ url, body }) => `${url}${String(body)}`)).toEqual(
      bodies.flatMap((body) => [`/a${body}`, `/b${body}`]),
    );
    expect(await queue.get()).toMatchObject({ name: "topic-queue", parallelism: 1 });
  });
});

describe("03 §3 a schedule to a topic and through a queue", () => {
  test("reaches the endpoints that the topic has at the tick, and says when there is none", async () => {
    const scheduler = startProcess("apps/scheduler/src/main.ts", {
      DATABASE_URL: node.databaseUrl,
    });
    const database = new pg.Client({ connectionString: node.databaseUrl });
    await database.connect();
    const makeDue = () => database.query("UPDATE schedules SET next_run_at = now()");
    try {
      await scheduler.line("the scheduler is running");
      await client.urlGroups.addEndpoints({ name: "t", endpoints: [endpoint("/a")] });
      const schedule = {
        destination: "t",
        cron: "0 0 1 1 *",
        queueName: "scheduled",
        body: "tick",
      };
      const { scheduleId } = await client.schedules.create(schedule);
      await client.urlGroups.addEndpoints({ name: "t", endpoints: [endpoint("/b", "b")] });
      await makeDue();
      await receiver.waitFor(2);
      expect(receiver.requests.map(({ url }) => url)).toEqual(["/a", "/b"]);
      for (const { headers } of receiver.requests) {
        expect(headers).toMatchObject({
          "upstash-schedule-id": scheduleId,
          "upstash-topic-name": "t",
        });
      }
      const read = await until(async () => {
        const found = await client.schedules.get(scheduleId);
        const states = Object.values(found.lastScheduleStates ?? {});
        return states.filter((state) => state === "SUCCESS").length === 2 && found;
      });
      expect(read).toMatchObject({ destination: "t", queueName: "scheduled" });

      await client.urlGroups.delete("t");
      await makeDue();
      const failed = await until(async () => {
        const response = await call("GET", `/v2/schedules/${scheduleId}`);
        const found = (await response.json()) as { error?: string };
        return found.error !== undefined && found;
      });
      expect(failed.error).toBe('topic "t" does not exist');
      expect(receiver.requests).toHaveLength(2);
    } finally {
      await scheduler.end("SIGKILL");
      await database.end();
    }
  });
});
