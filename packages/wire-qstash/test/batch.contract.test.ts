import { setTimeout } from "node:timers/promises";
import { publicOnly } from "@omnistore/domain/deliver/destination-policy";
import {
  MAX_BATCH_BYTES,
  MAX_BATCH_ITEMS,
  MAX_REQUEST_BYTES,
} from "@omnistore/domain/message/limits";
import { UnavailableError } from "@omnistore/domain/unavailable";
import { Client } from "@upstash/qstash";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { FULL_TOKEN } from "./stand-in-engine.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

const A = "https://a.test/hook?x=1";
const B = "https://b.test/";
const ID = expect.stringMatching(/^msg_[0-9a-f]{32}$/);

let wire: WireServer;
let client: Client;
beforeAll(async () => {
  wire = await startWire({ destinations: publicOnly() });
  client = new Client({ baseUrl: wire.url, token: FULL_TOKEN, devMode: false });
  const endpoints = [{ url: A, name: "a" }, { url: B }];
  const headers = { "Upstash-Retries": ["9"] };
  wire.engine.topics.set("t", { name: "t", endpoints, headers, createdAt: 1, updatedAt: 1 });
});
beforeEach(() => void wire.engine.published.splice(0));
afterAll(() => wire.close());

const send = (batch: unknown) =>
  wire.send("POST /v2/batch", ["Content-Type: application/json"], JSON.stringify(batch));
const destinations = () => wire.engine.published.map(({ destination }) => destination);

describe("01 §8 a batch by the official client", () => {
  it("mixes URLs, topics and queues, and answers in the order of its items", async () => {
    const results = await client.batchJSON([
      { url: A, body: { n: 1 }, method: "PUT", retries: 0, delay: 60 },
      { urlGroup: "t", body: { n: 2 } },
      { url: B, body: { n: 3 }, queueName: "q", headers: { "X-Mine": "1" } },
    ]);
    expect(results).toEqual([
      { messageId: ID },
      [
        { messageId: ID, url: A },
        { messageId: ID, url: B },
      ],
      { messageId: ID },
    ]);
    expect(wire.engine.published).toMatchObject([
      {
        destination: A,
        method: "PUT",
        maxRetries: 0,
        due: { kind: "after", delayMs: 60_000 },
        body: Buffer.from('{"n":1}'),
        headers: { "Content-Type": ["application/json"] },
      },
      { destination: A, maxRetries: 9, options: { topicName: "t", endpointName: "a" } },
      { destination: B, maxRetries: 9, options: { topicName: "t" } },
      {
        destination: B,
        maxRetries: 3,
        headers: { "X-Mine": ["1"], "Content-Type": ["application/json"] },
        options: { queueName: "q", callerIp: "127.0.0.1" },
      },
    ]);
  });

  it("may be empty", async () => {
    await expect(client.batch([])).resolves.toEqual([]);
  });

  it("07 Q29 is 200 with duplicates among its items", async () => {
    const item = { destination: A, headers: { "Upstash-Deduplication-Id": "batch once" } };
    const answer = await send([item, item]);
    expect(answer.status).toBe(200);
    const [first, second] = answer.json() as object[];
    expect(first).toEqual({ messageId: ID });
    expect(second).toEqual({ ...first, deduplicated: true });
  });
});

describe("01 §9 an item of a batch", () => {
  it("05 §6 may come as Python sends it: null for what is absent, True for true", async () => {
    const headers = { "Content-Type": "text/plain", "Upstash-Content-Based-Deduplication": "True" };
    const answer = await send([{ destination: A, headers, body: null, queue: null }]);
    expect(answer.status, answer.body).toBe(200);
    const published = wire.engine.takePublished();
    expect(published).toMatchObject({
      body: Buffer.alloc(0),
      headers: { "Content-Type": ["text/plain"] },
      deduplication: { kind: "content" },
    });
    expect(published.options).toEqual({ callerIp: "127.0.0.1" });
  });

  it("needs nothing but a destination", async () => {
    await send([{ destination: A }]);
    expect(wire.engine.takePublished()).toMatchObject({
      destination: A,
      method: "POST",
      headers: {},
      maxRetries: 3,
    });
  });

  it("has header names in any case, each with one value or several", async () => {
    const headers = { "upstash-retries": " 7 ", "upstash-forward-x-a": ["1", "2"] };
    await send([{ destination: A, headers }]);
    expect(wire.engine.takePublished()).toMatchObject({
      maxRetries: 7,
      headers: { "X-A": ["1", "2"] },
    });
  });

  it("takes nothing from the headers and the query of the call", async () => {
    const headers = ["Content-Type: text/call", "Upstash-Telemetry-Sdk: any", "X-Foreign: 1"];
    await wire.send("POST /v2/batch?other=1", headers, JSON.stringify([{ destination: A }]));
    expect(wire.engine.takePublished()).toMatchObject({ maxRetries: 3, headers: {} });
  });

  it.each([
    ["Upstash-Retries: 0", "", 'Upstash-Retries "0"'],
    ["Upstash-Forward-X: 1", "", 'Upstash-Forward-X "1"'],
    ["Upstash-Callback-Label: one", "", 'Upstash-Callback-Label "one"'],
    ["Upstash-Callback-Failure-Callback: u", "", 'Upstash-Callback-Failure-Callback "u"'],
    ["X-Foreign: 1", "?upstash-delay=1m", 'Upstash-Delay "1m"'],
  ])("has its own settings: on the call, %s %s is 400", async (header, query, words) => {
    const batch = JSON.stringify([{ destination: A }]);
    const answer = await wire.send(`POST /v2/batch${query}`, [header], batch);
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain(`${words} has no place on the call of a batch`);
    expect(wire.engine.published).toEqual([]);
  });

  it("may name its callback beside its headers, and not another one than these", async () => {
    const callback = "https://callback.test/";
    const answer = await send([
      { destination: A, callback },
      { destination: A, callback, headers: { "upstash-callback": callback } },
      { destination: A, callback, headers: { "upstash-callback": B } },
      { destination: A, callback: null },
    ]);
    expect(wire.engine.published.map(({ options }) => options.callback?.url)).toEqual([
      callback,
      callback,
      undefined,
    ]);
    expect((answer.json() as { error?: string }[])[2]?.error).toBe(
      `callback was given twice: "${callback}" and "${B}"`,
    );
  });

  it("01 §3 carries what a workflow sends, and does not choke on it", async () => {
    const headers = {
      "upstash-workflow-init": "true",
      "upstash-workflow-runid": "wfr_1",
      "upstash-workflow-url": A,
      "upstash-feature-set": "LazyFetch,InitialBody",
      "upstash-forward-upstash-workflow-sdk-version": "1",
    };
    const answer = await send([{ destination: A, headers, body: "{}" }]);
    expect(answer.json()).toEqual([{ messageId: ID }]);
    expect(wire.engine.takePublished().headers).toEqual({ "Upstash-Workflow-Sdk-Version": ["1"] });
  });
});

describe("07 Q14 an item that is wrong", () => {
  it("gets its error in its place, and the others are stored", async () => {
    const answer = await send([
      { destination: A },
      { destination: "nobody" },
      { destination: B, headers: { "Upstash-Delay": "soon" } },
      { destination: "http://127.0.0.1/" },
      { destination: B },
    ]);
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual([
      { messageId: ID },
      { error: "invalid destination url: endpoint has invalid scheme, add http:// or https://" },
      { error: expect.stringContaining('Upstash-Delay "soon"') },
      { error: expect.stringContaining("loopback") },
      { messageId: ID },
    ]);
    expect(destinations()).toEqual([A, B]);
  });

  it.each<[object, ...string[]]>([
    [{ headers: 7 }, "headers is not an object", '"7"'],
    [{ headers: ["a"] }, "headers is not an object"],
    [{ headers: { "Upstash-Retries": 3 } }, "headers holds a value that is not a text", "Retries"],
    [{ headers: { "a b": "1" } }, "no header name", "a b"],
    [{ headers: { "upstash-retries": "1", "Upstash-Retries": "2" } }, "given twice"],
    [{ headers: { "upstash-forward-x": "a\nb" } }, "upstash-forward-x"],
    [{ headers: { "Upstash-Flow-Control-Key": "k" } }, "Upstash-Flow-Control-Key", '"k"'],
    [{ headers: { "Upstash-Cron": "* * * * *" } }, "Upstash-Cron", "no place in a batch"],
    [{ body: { a: 1 } }, "body is not a text", "a"],
    [{ queue: "no name" }, "queue", '"no name"'],
    [{ queue: 1 }, "queue is not a text"],
    [{ callback: 1 }, "callback is not a text"],
    [{ callback: "callback.test" }, "Upstash-Callback", '"callback.test"'],
    [{ destination: "api/llm" }, '"api/llm"', "no LLM backend"],
    [
      { body: "x".repeat(MAX_REQUEST_BYTES + 1) },
      "the body is too large",
      String(MAX_REQUEST_BYTES),
    ],
  ])("is refused alone: %o", async (fields, ...says) => {
    const answer = await send([{ destination: A, ...fields }, { destination: B }]);
    expect(answer.status).toBe(200);
    const [wrong, right] = answer.json() as { error?: string }[];
    for (const part of says) expect(wrong?.error).toContain(part);
    expect(wrong).not.toHaveProperty("messageId");
    expect(right).toEqual({ messageId: ID });
    expect(destinations()).toEqual([B]);
    expect(wire.errors).toEqual([]);
  });

  it("among none that is right makes the batch 400", async () => {
    const wrong = { destination: A, headers: { "Upstash-Delay": "soon" } };
    const answer = await send([wrong, { destination: "x" }, wrong, wrong]);
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain('item 0: Upstash-Delay "soon"');
    expect(answer.error()).toContain("item 1: invalid destination url");
  });
});

describe("01 §8 a batch that is refused whole", () => {
  it.each<[unknown, number, ...string[]]>([
    [{ destination: A }, 400, "not a list"],
    ["text", 400, "not a list"],
    [null, 400, "not a list"],
    [[{ destination: A }, {}], 400, "item 1 has no destination"],
    [[{ destination: 7 }], 400, "item 0 has no destination"],
    [[null], 400, "item 0 has no destination"],
    [[[{ destination: A }]], 400, "item 0 has no destination"],
    [Array(MAX_BATCH_ITEMS + 1).fill(0), 413, String(MAX_BATCH_ITEMS + 1), String(MAX_BATCH_ITEMS)],
  ])("%j", async (batch, status, ...says) => {
    const answer = await send(batch);
    expect(answer.status).toBe(status);
    for (const part of says) expect(answer.error()).toContain(part);
    expect(wire.engine.published).toEqual([]);
  });

  it("because it is not JSON", async () => {
    const answer = await wire.send("POST /v2/batch", [], "[{");
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain('not JSON: "[{"');
  });

  it("06 §2 because it is larger than a batch may be; one that is larger than a body is not", async () => {
    const head = [`Authorization: Bearer ${FULL_TOKEN}`, "Host: h"];
    const lines = ["POST /v2/batch HTTP/1.1", ...head, `Content-Length: ${MAX_BATCH_BYTES + 1}`];
    const answer = await wire.raw(`${lines.join("\r\n")}\r\n\r\n[`);
    expect(answer.status).toBe(413);
    expect(answer.error()).toContain(String(MAX_BATCH_BYTES));
    const half = "x".repeat(MAX_REQUEST_BYTES / 2 + 1);
    const large = await send([
      { destination: A, body: half },
      { destination: A, body: half },
    ]);
    expect(large.status).toBe(200);
  });
});

describe("01 §8 a batch that finds no room", () => {
  it("is 503 when nothing of it was stored, so that all of it can be sent again", async () => {
    wire.engine.unavailable = { reason: "the store is full", retryAfterSeconds: 1 };
    const answer = await send([{ destination: A }, { destination: "x" }]);
    wire.engine.unavailable = undefined;
    expect(answer.status).toBe(503);
    expect(answer.head.toLowerCase()).toContain("retry-after: 1");
  });

  it("is 503 when a topic cannot be looked up, before anything is stored", async () => {
    const away = new UnavailableError("the database is unavailable");
    const look = vi.spyOn(wire.engine, "getTopic").mockRejectedValue(away);
    const answer = await send([{ destination: A }, { destination: "t" }]);
    look.mockRestore();
    expect(answer.status).toBe(503);
    expect(wire.engine.published).toEqual([]);
    expect(wire.errors.splice(0)).toEqual([away]);
  });

  it("hands over no more at once than a busy store takes, in the order of its items", async () => {
    const WAITING = 1000;
    const publish = wire.engine.publish.bind(wire.engine);
    let [underWay, most] = [0, 0];
    const watched = vi.spyOn(wire.engine, "publish").mockImplementation(async (command) => {
      underWay += 1;
      most = Math.max(most, underWay);
      const outcome = await publish(command);
      await setTimeout(100);
      underWay -= 1;
      return outcome;
    });
    const items = Array.from({ length: 3000 }, (_, index) => ({ destination: `${A}?${index}` }));
    const answer = await send(items);
    watched.mockRestore();
    expect(answer.json()).toHaveLength(items.length);
    expect(wire.engine.published.splice(0).map(({ destination }) => destination)).toEqual(
      items.map(({ destination }) => destination),
    );
    expect(most).toBeLessThanOrEqual(WAITING);
  });

  it("is told item by item once something was stored", async () => {
    wire.engine.fault = new Error("secret");
    const answer = await send([{ destination: A }]);
    wire.engine.fault = undefined;
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual([{ error: "internal error" }]);
    expect(wire.errors.splice(0)).toEqual([new Error("secret")]);
  });
});
