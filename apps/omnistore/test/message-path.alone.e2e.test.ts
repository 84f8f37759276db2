import { officialClient, officialReceiver, DEVELOPMENT } from "@omnistore/testkit/official-client";
import { startReceiver, type Receiver as HttpReceiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import { Receiver, type Client } from "@upstash/qstash";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { startNode, type RunningNode } from "./running-node.ts";

let node: RunningNode;
let client: Client;
let receiver: HttpReceiver;

beforeAll(async () => {
  node = await startNode();
  client = officialClient(node.url);
});
afterAll(() => node.stop());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

async function eventsOf(messageId: string) {
  const { events } = await client.events({ filter: { messageId } });
  return events.toReversed();
}

async function settled(messageId: string, state: "DELIVERED" | "FAILED") {
  return until(async () => {
    const events = await eventsOf(messageId);
    return events.some((event) => event.state === state) && events;
  });
}

describe("02 §1 a delivery", () => {
  test("what was published arrives once, byte for byte, with the protocol's headers", async () => {
    const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const { messageId } = await client.publish({
      url: `${receiver.url}/hook?a=1&b=%20x&a=2`,
      method: "PUT",
      body: new Blob([body]),
      headers: {
        "Content-Type": "application/octet-stream",
        "X-Mine": "kept",
        "Upstash-Forward-X-Too": "also",
      },
    });
    const [request] = await receiver.waitFor(1);
    expect(request).toMatchObject({ method: "PUT", url: "/hook?a=1&b=%20x&a=2" });
    expect(request?.body.equals(body)).toBe(true);
    expect(request?.headers).toMatchObject({
      "content-type": "application/octet-stream",
      "user-agent": "Upstash-QStash",
      "upstash-message-id": messageId,
      "upstash-retried": "0",
      "upstash-caller-ip": "127.0.0.1",
      "upstash-region": "EU-CENTRAL-1",
      "x-mine": "kept",
      "x-too": "also",
    });
    expect(request?.headers).not.toHaveProperty("authorization");
    await settled(messageId, "DELIVERED");
    expect(receiver.requests).toHaveLength(1);
  });

  test("more at once than there are slots for: each is accepted, and arrives once", async () => {
    const [publishers, each] = [200, 20];
    const publish = async () => {
      for (let sent = 0; sent < each; sent += 1) {
        const response = await fetch(`${node.url}/v2/publish/${receiver.url}/`, {
          method: "POST",
          headers: { authorization: `Bearer ${DEVELOPMENT.token}` },
          body: "x",
        });
        expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
      }
    };
    await Promise.all(Array.from({ length: publishers }, publish));
    await receiver.waitFor(publishers * each);
    const ids = receiver.requests.map(({ headers }) => headers["upstash-message-id"]);
    expect(new Set(ids).size).toBe(publishers * each);
    expect(ids).toHaveLength(publishers * each);
  }, 30_000);

  test("02 §6 JSON arrives as JSON, and the official receiver accepts its signature", async () => {
    await client.publishJSON({ url: `${receiver.url}/json`, body: { hello: "wörld" } });
    const [request] = await receiver.waitFor(1);
    expect(request?.headers["content-type"]).toBe("application/json");
    const signed = {
      signature: String(request?.headers["upstash-signature"]),
      body: request?.body.toString() ?? "",
      url: `${receiver.url}/json`,
    };
    expect(JSON.parse(signed.body)).toEqual({ hello: "wörld" });
    await expect(officialReceiver().verify(signed)).resolves.toBe(true);

    const afterRotation = new Receiver({
      currentSigningKey: "sig_another",
      nextSigningKey: DEVELOPMENT.currentSigningKey,
    });
    await expect(afterRotation.verify(signed)).resolves.toBe(true);
    const stranger = new Receiver({ currentSigningKey: "sig_a", nextSigningKey: "sig_b" });
    await expect(stranger.verify(signed)).rejects.toThrow("signature");
    await expect(officialReceiver().verify({ ...signed, body: "{}" })).rejects.toThrow("body");
  });

  test("a GET carries its body, and an empty body is signed too", async () => {
    await client.publishJSON({ url: `${receiver.url}/get`, method: "GET", body: { q: 1 } });
    await client.publish({ url: `${receiver.url}/empty` });
    const requests = await receiver.waitFor(2);
    expect(receiver.requests.length).toBe(requests.length);
    for (const request of requests) {
      await expect(
        officialReceiver().verify({
          signature: String(request.headers["upstash-signature"]),
          body: request.body.toString(),
        }),
      ).resolves.toBe(true);
    }
    expect(requests.find(({ method }) => method === "GET")?.body.toString()).toBe('{"q":1}');
  });

  test("01 §3 a delayed message arrives no earlier, and at most 300 ms late", async () => {
    const publishedAt = performance.timeOrigin + performance.now();
    const { messageId } = await client.publish({ url: receiver.url, delay: 2, body: "later" });
    const message = await client.messages.get(messageId);
    expect(message.notBefore).toBeGreaterThanOrEqual(publishedAt + 1_999);
    const [request] = await receiver.waitFor(1);
    const lateMs = (request?.arrivedAt ?? 0) - (publishedAt + 2_000);
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThanOrEqual(300);
  });

  test("01 §3 not-before wins over delay, and a time that has passed means now", async () => {
    const dueAt = Math.ceil(Date.now() / 1000) + 1;
    await client.publish({ url: `${receiver.url}/due`, notBefore: dueAt, delay: 60 });
    await client.publish({ url: `${receiver.url}/past`, notBefore: dueAt - 1_000 });
    await receiver.waitFor(2);
    const due = receiver.requests.find(({ url }) => url === "/due");
    expect(due?.arrivedAt).toBeGreaterThanOrEqual(dueAt * 1000);
    expect(due?.arrivedAt).toBeLessThanOrEqual(dueAt * 1000 + 300);
  });

  test("03 §1 a message that waits can be read; one that was delivered is gone", async () => {
    const { messageId } = await client.publish({
      url: receiver.url,
      delay: 3600,
      retries: 5,
      body: "text",
      label: "invoice",
      headers: { "X-Mine": "1" },
    });
    await expect(client.messages.get(messageId)).resolves.toMatchObject({
      messageId,
      url: receiver.url,
      method: "POST",
      maxRetries: 5,
      body: "text",
      label: "invoice",
      header: { "X-Mine": ["1"] },
      callerIP: "127.0.0.1",
    });
    const done = await client.publish({ url: receiver.url });
    await settled(done.messageId, "DELIVERED");
    await expect(client.messages.get(done.messageId)).rejects.toMatchObject({ status: 404 });
  });
});

describe("02 §3 retries", () => {
  test("01 §4 failures are retried by the publisher's expression, counted, and told apart in the log", async () => {
    receiver.reply(({ headers }) =>
      headers["upstash-retried"] === "2" ? { status: 200 } : { status: 500, body: "not yet" },
    );
    const { messageId } = await client.publish({
      url: receiver.url,
      retryDelay: "300 * (1 + retried)",
      body: "again",
    });
    const [first, second, third] = await receiver.waitFor(3);
    expect([first, second, third].map((request) => request?.headers["upstash-retried"])).toEqual([
      "0",
      "1",
      "2",
    ]);
    expect(first?.headers["upstash-message-id"]).toBe(third?.headers["upstash-message-id"]);
    const gaps = [second?.arrivedAt ?? 0, third?.arrivedAt ?? 0].map(
      (at, index) => at - ([first, second][index]?.arrivedAt ?? 0),
    );
    expect(gaps[0]).toBeGreaterThanOrEqual(300);
    expect(gaps[0]).toBeLessThan(650);
    expect(gaps[1]).toBeGreaterThanOrEqual(600);
    expect(gaps[1]).toBeLessThan(950);

    const events = await settled(messageId, "DELIVERED");
    expect(events.map(({ state }) => state)).toEqual([
      "CREATED",
      "ACTIVE",
      "ERROR",
      "RETRY",
      "ACTIVE",
      "ERROR",
      "RETRY",
      "ACTIVE",
      "DELIVERED",
    ]);
    expect(events[2]).toMatchObject({
      responseStatus: 500,
      responseBody: Buffer.from("not yet").toString("base64"),
    });
    expect(events[3]?.nextDeliveryTime).toBeGreaterThan(events[3]?.time ?? 0);
  });

  test("without an expression the first retry waits twelve seconds", async () => {
    receiver.reply(() => ({ status: 503 }));
    const { messageId } = await client.publish({ url: receiver.url });
    const retry = await until(async () =>
      (await eventsOf(messageId)).find(({ state }) => state === "RETRY"),
    );
    const waitMs = (retry.nextDeliveryTime ?? 0) - retry.time;
    // The end of the attempt is stamped by an estimate of the database's clock.
    expect(waitMs).toBeGreaterThanOrEqual(11_900);
    expect(waitMs).toBeLessThan(13_000);
  });

  test("Retry-After of the receiver wins over the publisher's expression", async () => {
    receiver.reply(({ headers }) =>
      headers["upstash-retried"] === "0"
        ? { status: 429, headers: { "Retry-After": "1" } }
        : { status: 200 },
    );
    await client.publish({ url: receiver.url, retryDelay: "60000" });
    const [first, second] = await receiver.waitFor(2);
    const gap = (second?.arrivedAt ?? 0) - (first?.arrivedAt ?? 0);
    expect(gap).toBeGreaterThanOrEqual(1_000);
    expect(gap).toBeLessThan(1_400);
  });

  test("02 §2 an answer that does not come in time is a failed attempt", async () => {
    receiver.reply(() => "hang");
    const { messageId } = await client.publish({ url: receiver.url, timeout: 1, retries: 0 });
    const events = await settled(messageId, "FAILED");
    expect(events.find(({ state }) => state === "ERROR")?.error).toContain("1000 ms");
  });

  test("02 §2 a connection that breaks and a redirect are failures too", async () => {
    receiver.reply("/reset", () => "reset");
    receiver.reply("/moved", () => ({
      status: 302,
      headers: { Location: `${receiver.url}/there` },
    }));
    const reset = await client.publish({ url: `${receiver.url}/reset`, retries: 0 });
    const moved = await client.publish({ url: `${receiver.url}/moved`, retries: 0 });
    await settled(reset.messageId, "FAILED");
    await settled(moved.messageId, "FAILED");
    expect(receiver.requests.map(({ url }) => url).toSorted()).toEqual(["/moved", "/reset"]);
  });
});

describe("03 §5 dead letters", () => {
  test("after the last retry the message is kept with the last answer", async () => {
    receiver.reply(() => ({
      status: 418,
      headers: { "X-Why": "teapot" },
      body: "short and stout",
    }));
    const { messageId } = await client.publish({
      url: `${receiver.url}/dead`,
      retries: 1,
      retryDelay: "50",
      body: "lost?",
      headers: { "X-Mine": "kept" },
    });
    const events = await settled(messageId, "FAILED");
    expect(receiver.requests).toHaveLength(2);
    expect(events.at(-1)?.state).toBe("FAILED");

    const { messages } = await client.dlq.listMessages({ filter: { messageId } });
    expect(messages).toHaveLength(1);
    const [entry] = messages;
    expect(entry).toMatchObject({
      messageId,
      url: `${receiver.url}/dead`,
      body: "lost?",
      header: { "X-Mine": ["kept"] },
      maxRetries: 1,
      responseStatus: 418,
      responseHeader: expect.objectContaining({ "X-Why": ["teapot"] }),
      responseBody: "short and stout",
    });
    const response = await fetch(`${node.url}/v2/dlq/${entry?.dlqId}`, {
      headers: { authorization: `Bearer ${DEVELOPMENT.token}` },
    });
    expect(response.status).toBe(200);
    await expect(response.json()).resolves.toMatchObject({ dlqId: entry?.dlqId, messageId });
    await expect(client.messages.get(messageId)).rejects.toMatchObject({ status: 404 });
  });

  test("02 §2 489 with the protocol's header forbids any retry; either alone does not", async () => {
    const header = { "Upstash-NonRetryable-Error": "true" };
    receiver.reply("/both", () => ({ status: 489, headers: header }));
    receiver.reply("/status", () => ({ status: 489 }));
    receiver.reply("/header", () => ({ status: 500, headers: header }));
    const publish = (path: string) =>
      client.publish({ url: receiver.url + path, retries: 1, retryDelay: "50" });
    for (const path of ["/both", "/status", "/header"]) {
      await settled((await publish(path)).messageId, "FAILED");
    }
    const counts = Object.groupBy(receiver.requests, ({ url }) => url);
    expect([counts["/both"]?.length, counts["/status"]?.length, counts["/header"]?.length]).toEqual(
      [1, 2, 2],
    );
  });

  test("a long answer is cut between two characters, and a closed port is told in words", async () => {
    receiver.reply(() => ({ status: 500, body: `x${"€".repeat(1_000_000)}` }));
    const long = await client.publish({ url: `${receiver.url}/long`, retries: 0 });
    const refused = await client.publish({ url: "http://127.0.0.1:1/", retries: 0 });
    await settled(long.messageId, "FAILED");
    await settled(refused.messageId, "FAILED");
    const entryOf = async (messageId: string) =>
      (await client.dlq.listMessages({ filter: { messageId } })).messages[0];
    const whole = Math.floor((128 * 1024 - 1) / 3);
    expect((await entryOf(long.messageId))?.responseBody).toBe(`x${"€".repeat(whole)}`);
    expect(await entryOf(refused.messageId)).toMatchObject({ responseStatus: 0 });
    const error = (await eventsOf(refused.messageId)).find(({ state }) => state === "ERROR");
    expect(error?.error).toContain("ECONNREFUSED");
  });
});

function publishRaw(): Promise<Response> {
  return fetch(`${node.url}/v2/publish/${receiver.url}`, {
    method: "POST",
    headers: { authorization: `Bearer ${DEVELOPMENT.token}`, "upstash-deduplication-id": "raw" },
  });
}

describe("01 §5 deduplication", () => {
  test("200 publishes of one id at once are one delivery", async () => {
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        client.publish({ url: receiver.url, body: `copy ${index}`, deduplicationId: "only-once" }),
      ),
    );
    expect(new Set(results.map(({ messageId }) => messageId)).size).toBe(1);
    expect(results.filter(({ deduplicated }) => deduplicated !== true)).toHaveLength(1);
    await settled(results[0]?.messageId ?? "", "DELIVERED");
    expect(receiver.requests).toHaveLength(1);
  });

  test("the same content is one message; another body, header or destination is another", async () => {
    const publish = (over: object) =>
      client.publish({
        url: `${receiver.url}/content`,
        body: "same",
        headers: { "X-A": "1" },
        contentBasedDeduplication: true,
        ...over,
      });
    const first = await publish({});
    await expect(publish({})).resolves.toMatchObject({
      messageId: first.messageId,
      deduplicated: true,
    });
    const others = await Promise.all([
      publish({ body: "other" }),
      publish({ headers: { "X-A": "2" } }),
      publish({ url: `${receiver.url}/elsewhere` }),
    ]);
    expect(others.every(({ deduplicated }) => deduplicated !== true)).toBe(true);
    await receiver.waitFor(4);
    expect(receiver.requests).toHaveLength(4);
  });

  test("a duplicate is answered with 202", async () => {
    const [first, second] = [await publishRaw(), await publishRaw()];
    expect([first.status, second.status]).toEqual([200, 202]);
    const { messageId } = (await first.json()) as { messageId: string };
    await expect(second.json()).resolves.toEqual({ messageId, deduplicated: true });
  });
});

describe("03 §8 logs", () => {
  test("they are listed newest first, in pages that join without gap or double", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      const { messageId } = await client.publish({ url: receiver.url, label: "paged" });
      await settled(messageId, "DELIVERED");
      ids.push(messageId);
    }
    const all = (await client.events({ filter: { label: "paged" } })).events;
    expect(all).toHaveLength(15);
    expect(all.map(({ messageId }) => messageId)).toEqual(
      ids.toReversed().flatMap((id) => [id, id, id]),
    );
    const paged: typeof all = [];
    let cursor: string | undefined;
    do {
      const url = new URL(`${node.url}/v2/logs?label=paged&count=4`);
      if (cursor !== undefined) url.searchParams.set("cursor", cursor);
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${DEVELOPMENT.token}` },
      });
      const page = (await response.json()) as { logs: typeof all; cursor?: string };
      expect(page.logs.length).toBeLessThanOrEqual(4);
      paged.push(...page.logs);
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(paged).toEqual(all);
  });

  test("01 §7 redaction hides from readers what the receiver gets", async () => {
    const { messageId } = await client.publish({
      url: receiver.url,
      body: "secret",
      headers: { "X-Secret": "s3cret", "X-Open": "open" },
      redact: { body: true, header: ["X-Secret"] },
    });
    const [request] = await receiver.waitFor(1);
    expect(request?.body.toString()).toBe("secret");
    expect(request?.headers["x-secret"]).toBe("s3cret");
    const events = await settled(messageId, "DELIVERED");
    const text = JSON.stringify(events);
    expect(text).toContain("REDACTED:");
    expect(text).not.toContain("s3cret");
    expect(text).not.toContain(Buffer.from("secret").toString("base64"));
    expect(text).toContain("open");
  });
});
