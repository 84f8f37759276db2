import { publicOnly } from "@omnistore/domain/deliver/destination-policy";
import { MAX_TOPIC_ENDPOINTS, MAX_TOPIC_HEADER_BYTES } from "@omnistore/domain/message/limits";
import type { Topic } from "@omnistore/domain/topic/topic";
import { Client } from "@upstash/qstash";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FULL_TOKEN, READONLY_TOKEN } from "./stand-in-engine.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

const A = { url: "https://a.test/hook?x=1", name: "a" };
const B = { url: "https://b.test/" };
const MESSAGE_ID = /^msg_[0-9a-f]{32}$/;

function topic(name: string, over: Partial<Topic> = {}): Topic {
  return { name, endpoints: [A, B], headers: {}, createdAt: 1, updatedAt: 2, ...over };
}

let wire: WireServer;
let client: Client;
beforeAll(async () => {
  wire = await startWire({ destinations: publicOnly() });
  client = new Client({ baseUrl: wire.url, token: FULL_TOKEN, devMode: false });
});
beforeEach(() => {
  wire.engine.published.splice(0);
  wire.engine.topicChanges.splice(0);
  wire.engine.topics.clear();
  wire.engine.addition = { kind: "added" };
});
afterAll(() => wire.close());

const json = (value: unknown) => JSON.stringify(value);

/** Sends a message to a topic that has these headers; what was stored of it. */
async function publish(defaults: Topic["headers"], headers: readonly string[]) {
  wire.engine.topics.set("t", topic("t", { endpoints: [A], headers: defaults }));
  expect((await wire.send("POST /v2/publish/t", headers, "x")).status).toBe(200);
  return wire.engine.published.splice(0)[0];
}

/** The first values of default headers, as they are shown of a topic that hides these fields. */
async function shownWith(fields: string): Promise<readonly unknown[]> {
  const headers = {
    "Upstash-Redact-Fields": [fields],
    "Upstash-Forward-Secret": ["x"],
    "Upstash-Callback-Forward-Secret": ["x"],
    "X-Plain": ["x"],
    "Upstash-Retries": ["1"],
  };
  wire.engine.topics.set("t", topic("t", { headers }));
  const { body } = await wire.send("GET /v2/topics/t");
  return Object.values((JSON.parse(body) as Topic).headers).map(([value]) => value);
}

describe("00 §8 the request wins over the topic, also by the other header of the same thing", () => {
  it("a delay over a time", async () => {
    const sent = await publish({ "Upstash-Not-Before": ["4102444800"] }, ["Upstash-Delay: 5s"]);
    expect(sent?.due).toEqual({ kind: "after", delayMs: 5000 });
  });

  it("a time over a delay", async () => {
    const sent = await publish({ "Upstash-Delay": ["5s"] }, ["Upstash-Not-Before: 1"]);
    expect(sent?.due).toEqual({ kind: "now" });
  });

  it("deduplication by content, or none, over an id", async () => {
    const defaults = { "Upstash-Deduplication-Id": ["fixed"] };
    const asked = "Upstash-Content-Based-Deduplication";
    expect((await publish(defaults, []))?.deduplication).toEqual({ kind: "id", id: "fixed" });
    expect((await publish(defaults, [`${asked}: true`]))?.deduplication).toEqual({
      kind: "content",
    });
    expect((await publish(defaults, [`${asked}: false`]))?.deduplication).toBeUndefined();
  });

  it("and a time for messages is none of the topic's schedules", async () => {
    wire.engine.topics.set(
      "t",
      topic("t", { headers: { "Upstash-Not-Before": ["4102444800"], "Upstash-Delay": ["5s"] } }),
    );
    const answer = await wire.send("POST /v2/schedules/t", ["Upstash-Cron: 0 9 * * 1"]);
    expect(answer.status).toBe(200);
    expect(wire.engine.scheduled.splice(0)[0]?.template.delayMs).toBe(5000);
  });
});

describe("03 §4 topics by the official client", () => {
  it("takes endpoints in", async () => {
    await client.urlGroups.addEndpoints({ name: "my.topic_1", endpoints: [A, B] });
    expect(wire.engine.topicChanges).toEqual([
      { verb: "add", topicName: "my.topic_1", endpoints: [A, B] },
    ]);
  });

  it("removes endpoints by name, URL or both, given in the body of a DELETE", async () => {
    wire.engine.topics.set("t", topic("t"));
    const endpoints = [{ name: "a" }, B, A];
    await client.urlGroups.removeEndpoints({ name: "t", endpoints });
    expect(wire.engine.topicChanges).toEqual([{ verb: "remove", topicName: "t", endpoints }]);
  });

  it("lists topics, gets one and deletes one", async () => {
    wire.engine.topics.set("t", topic("t"));
    wire.engine.topics.set("u", topic("u", { headers: { "Upstash-Retries": ["1"] } }));
    const plain = { name: "t", createdAt: 1, updatedAt: 2, endpoints: [A, B] };
    await expect(client.urlGroups.get("t")).resolves.toEqual(plain);
    const list = await client.urlGroups.list();
    expect(list).toEqual([plain, { ...plain, name: "u", headers: { "Upstash-Retries": ["1"] } }]);
    await client.urlGroups.delete("t");
    expect(wire.engine.topicChanges).toEqual([{ verb: "delete", topicName: "t" }]);
  });

  it("01 §7 what the default headers hide of themselves is not shown", async () => {
    const hidden = "REDACTED:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    expect(await shownWith("header")).toEqual(["header", hidden, hidden, hidden, "1"]);
    expect(await shownWith("header[secret]")).toEqual(["header[secret]", hidden, hidden, "x", "1"]);
    expect(await shownWith("body")).toEqual(["body", "x", "x", "x", "1"]);
  });

  it("07 Q22 says 404 where there is no such topic", async () => {
    await expect(client.urlGroups.get("none")).rejects.toMatchObject({ status: 404 });
    await expect(client.urlGroups.delete("none")).rejects.toMatchObject({ status: 404 });
    const gone = client.urlGroups.removeEndpoints({ name: "none", endpoints: [B] });
    await expect(gone).rejects.toMatchObject({ status: 404 });
  });

  it("the list may have a slash at its end", async () => {
    const answer = await wire.send("GET /v2/topics/");
    expect(answer.json()).toEqual([]);
  });
});

describe("03 §4 default headers of a topic", () => {
  it("are one text or several for each name, which is kept in canonical case", async () => {
    wire.engine.topics.set("t", topic("t"));
    const headers = { "upstash-retries": "5", "Upstash-Forward-X": ["1", " 2 "] };
    const answer = await wire.send("PATCH /v2/topics/t", [], json({ headers }));
    expect(answer.status, answer.body).toBe(200);
    expect(wire.engine.topicChanges).toEqual([
      {
        verb: "set headers",
        topicName: "t",
        headers: { "Upstash-Retries": ["5"], "Upstash-Forward-X": ["1", "2"] },
      },
    ]);
    const none = await wire.send("PATCH /v2/topics/none", [], json({ headers: {} }));
    expect(none.status).toBe(404);
  });

  it("00 §8 stand behind header and query, before what is built in", async () => {
    const headers = {
      "Upstash-Retries": ["5"],
      "Upstash-Timeout": ["50"],
      "Upstash-Method": ["PUT"],
      "Upstash-Forward-X-Mine": ["topic"],
      "Upstash-Forward-X-Topic": ["1", "2"],
      "Upstash-Callback": ["https://callback.test/"],
      "Upstash-Callback-Retries": ["1"],
      "Upstash-Callback-Timeout": ["9"],
      "Content-Type": ["text/topic"],
    };
    wire.engine.topics.set("t", topic("t", { endpoints: [B], headers }));
    await wire.send("POST /v2/publish/t?upstash-timeout=20&upstash-retries=3", [
      "Upstash-Retries: 2",
      "Upstash-Forward-x-mine: own",
      "Upstash-Callback-Retries: 7",
    ]);
    expect(wire.engine.takePublished()).toMatchObject({
      method: "PUT",
      maxRetries: 2,
      headers: {
        "X-Mine": ["own"],
        "X-Topic": ["1", "2"],
        "Content-Type": ["text/topic"],
      },
      options: {
        timeoutMs: 20_000,
        callback: { url: "https://callback.test/", maxRetries: 7, options: { timeoutMs: 9000 } },
      },
    });
    await wire.send("POST /v2/publish/t", ["Content-Type: text/own"]);
    expect(wire.engine.takePublished()).toMatchObject({
      maxRetries: 5,
      headers: { "Content-Type": ["text/own"] },
      options: { timeoutMs: 50_000 },
    });
  });
});

describe("01 §8 a publish to a topic", () => {
  it("is one message for each endpoint, and the answer a bare array in their order", async () => {
    wire.engine.topics.set("t", topic("t"));
    const results = await client.publishJSON({ urlGroup: "t", body: { hello: 1 }, retries: 1 });
    const id = expect.stringMatching(MESSAGE_ID);
    expect(results).toEqual([
      { messageId: id, url: A.url },
      { messageId: id, url: B.url },
    ]);
    expect(new Set(results.map(({ messageId }) => messageId)).size).toBe(2);
    const shared = { body: Buffer.from('{"hello":1}'), maxRetries: 1 };
    const options = { topicName: "t", callerIp: "127.0.0.1" };
    expect(wire.engine.published).toEqual([
      expect.objectContaining({
        ...shared,
        destination: A.url,
        options: { ...options, endpointName: "a" },
      }),
      expect.objectContaining({ ...shared, destination: B.url, options }),
    ]);
  });

  it("07 Q8 that is a duplicate is 202, each with its first id", async () => {
    wire.engine.topics.set("t", topic("t", { endpoints: [A] }));
    const headers = ["Upstash-Deduplication-Id: topic once"];
    const first = await wire.send("POST /v2/publish/t", headers);
    const second = await wire.send("POST /v2/publish/t", headers);
    expect([first.status, second.status]).toEqual([200, 202]);
    const [message] = first.json() as object[];
    expect(second.json()).toEqual([{ ...message, deduplicated: true }]);
  });

  it("01 §2 to a name that is no topic is told as a URL without a scheme", async () => {
    for (const name of ["none", "example.com"]) {
      const answer = await wire.send(`POST /v2/publish/${name}`);
      expect(answer.status).toBe(400);
      expect(answer.error()).toBe(
        "invalid destination url: endpoint has invalid scheme, add http:// or https://",
      );
    }
  });

  it("01 §2 takes no query string behind its name, and says so; without the topic it is no URL", async () => {
    wire.engine.topics.set("t", topic("t", { endpoints: [B] }));
    for (const line of ["POST /v2/publish/t?x=1", "POST /v2/schedules/t?x=1"]) {
      const answer = await wire.send(
        line,
        line.includes("schedules") ? ["Upstash-Cron: 0 0 1 1 *"] : [],
      );
      expect(answer.status).toBe(400);
      expect(answer.error()).toBe(
        'invalid destination url: "t?x=1": "t" is a URL group, which takes no query string',
      );
    }
    const unknown = await wire.send("POST /v2/publish/none?x=1");
    expect(unknown.error()).toContain("invalid scheme");
    expect(wire.engine.published).toEqual([]);
    const configured = await wire.send("POST /v2/publish/t?upstash-retries=2");
    expect(configured.status).toBe(200);
    expect(wire.engine.takePublished().maxRetries).toBe(2);
  });

  it("01 §10 may come from a webhook, with the token in the query", async () => {
    wire.engine.topics.set("t", topic("t", { endpoints: [B] }));
    const answer = await wire.send(`PUT /v2/publish/t?qstash_token=${FULL_TOKEN}`, [
      "Authorization: x",
    ]);
    expect(answer.status, answer.body).toBe(200);
    expect(wire.engine.takePublished().destination).toBe(B.url);
  });

  it("is 413 when body times endpoints is more than one statement may write", async () => {
    const endpoints = Array.from({ length: 30 }, (_, at) => ({ url: `https://${at}.test/` }));
    wire.engine.topics.set("t", topic("t", { endpoints }));
    const answer = await wire.send("POST /v2/publish/t", [], Buffer.alloc(9_000_000));
    expect(answer.status).toBe(413);
    expect(answer.error()).toContain("9000000 bytes for each of 30 endpoints");
    expect(wire.engine.published).toEqual([]);
  });
});

describe("01 §1 enqueue", () => {
  it("is a publish that goes through a queue", async () => {
    const result = await client
      .queue({ queueName: "my-queue" })
      .enqueueJSON({ url: "https://a.test/x?a=b", body: { n: 1 }, delay: 5 });
    expect(result).toEqual({ messageId: expect.stringMatching(MESSAGE_ID) });
    // 07 Q37: a delay is accepted.
    expect(wire.engine.takePublished()).toMatchObject({
      destination: "https://a.test/x?a=b",
      due: { kind: "after", delayMs: 5000 },
      options: { queueName: "my-queue" },
    });
  });

  it("to a topic puts every message of it into the queue", async () => {
    wire.engine.topics.set("t", topic("t"));
    const results = await client.queue({ queueName: "q" }).enqueue({ urlGroup: "t", body: "x" });
    expect(results).toEqual([
      expect.objectContaining({ url: A.url }),
      expect.objectContaining({ url: B.url }),
    ]);
    expect(
      wire.engine.published.map(({ options }) => [options.queueName, options.topicName]),
    ).toEqual([
      ["q", "t"],
      ["q", "t"],
    ]);
  });

  it("carries the flow control of its message too", async () => {
    const flowControl = { key: "k", parallelism: 2, rate: 3, period: "1m" as const };
    await client.queue({ queueName: "q" }).enqueue({ url: B.url, flowControl });
    expect(wire.engine.takePublished().options).toMatchObject({
      queueName: "q",
      flowControl: { key: "k", parallelism: 2, rate: 3, periodSeconds: 60 },
    });
  });

  it.each([
    ["POST /v2/enqueue/a%20b/https://a.test/", 400, "the queue name", "a%20b"],
    ["POST /v2/enqueue//https://a.test/", 400, "the queue name"],
    [`POST /v2/enqueue/${"q".repeat(257)}/https://a.test/`, 400, "the queue name"],
    ["POST /v2/enqueue/q/", 400, "endpoint has invalid scheme"],
    ["POST /v2/enqueue/q", 400, "endpoint has invalid scheme"],
    ["GET /v2/enqueue/q/https://a.test/", 405, "GET"],
  ])("%s is %i", async (line, status, ...says) => {
    const answer = await wire.send(line);
    expect(answer.status).toBe(status);
    for (const part of says) expect(answer.error()).toContain(part);
  });

  it("07 Q13 with a cron is a schedule whose messages go through the queue", async () => {
    await wire.send("POST /v2/enqueue/q/https://a.test/", ["Upstash-Cron: * * * * *"]);
    const [command] = wire.engine.scheduled.splice(0);
    expect(command?.template.options).toMatchObject({ queueName: "q" });
  });
});

describe("03 §3 a schedule", () => {
  it("may go to a topic and through a queue, and takes the headers of the topic", async () => {
    wire.engine.topics.set("t", topic("t", { headers: { "Upstash-Retries": ["9"] } }));
    await client.schedules.create({ destination: "t", cron: "* * * * *", queueName: "q" });
    const [command] = wire.engine.scheduled.splice(0);
    expect(command?.template).toMatchObject({
      destination: "t",
      maxRetries: 9,
      options: { queueName: "q" },
    });
    expect(command?.template.options).not.toHaveProperty("topicName");
  });

  it("is refused for a name that is no topic, and for a queue that has no name", async () => {
    const toNobody = client.schedules.create({ destination: "none", cron: "* * * * *" });
    await expect(toNobody).rejects.toThrow("endpoint has invalid scheme");
    const queueName = "no name";
    const unnamed = client.schedules.create({ destination: B.url, cron: "* * * * *", queueName });
    await expect(unnamed).rejects.toThrow("Upstash-Queue-Name");
  });
});

describe("00 §3 what is wrong with a topic is told by field and value", () => {
  const ADD = "POST /v2/topics/t/endpoints";
  const REMOVE = "DELETE /v2/topics/t/endpoints";
  const many = Array.from({ length: MAX_TOPIC_ENDPOINTS + 1 }, () => B);
  it.each<[string, unknown, number, ...string[]]>([
    [ADD, undefined, 400, "not JSON"],
    [ADD, [], 400, "not a JSON object", '"[]"'],
    [ADD, {}, 400, "endpoints is not a list", "nothing"],
    [ADD, { endpoints: [] }, 400, "endpoints is not a list", '"[]"'],
    [ADD, { endpoints: [1] }, 400, "endpoints[0] is not an object", '"1"'],
    [ADD, { endpoints: [B, { name: "x" }] }, 400, "endpoints[1].url is missing"],
    [ADD, { endpoints: [{ url: 5 }] }, 400, "endpoints[0].url is not a text", '"5"'],
    [
      ADD,
      { endpoints: [{ url: "ftp://a.test" }] },
      400,
      "endpoints[0].url",
      "ftp://a.test",
      "invalid scheme",
    ],
    [ADD, { endpoints: [{ url: "http://127.0.0.1/" }] }, 400, "endpoints[0].url", "loopback"],
    [ADD, { endpoints: [{ ...B, name: 7 }] }, 400, "endpoints[0].name is not a text"],
    [ADD, { endpoints: [{ ...B, name: "a\0" }] }, 400, "endpoints[0].name", "control character"],
    [ADD, { endpoints: [{ ...B, name: "n".repeat(257) }] }, 400, "endpoints[0].name", "256 bytes"],
    [
      ADD,
      {
        endpoints: [
          { ...B, name: "n" },
          { url: "https://c.test/", name: "n" },
        ],
      },
      400,
      "endpoints[1].name is that of endpoints[0], which has another url",
      '"n',
    ],
    [
      ADD,
      { endpoints: [{ ...B, name: "n" }, B, { ...B, name: "m" }] },
      400,
      "endpoints[2].url is that of endpoints[0], which has another name",
      B.url,
    ],
    [ADD, { endpoints: many }, 412, "101", "100"],
    ["POST /v2/topics/a%20b/endpoints", { endpoints: [B] }, 400, "the topic name", '"a b"'],
    [REMOVE, {}, 400, "endpoints is not a list"],
    [REMOVE, { endpoints: [{}] }, 400, "endpoints[0] has neither name nor url"],
    ["DELETE /v2/topics/a%00b/endpoints", { endpoints: [B] }, 404, String.raw`"a\u0000b"`],
    ["GET /v2/topics/a%00b", undefined, 404, String.raw`"a\u0000b"`],
    ["DELETE /v2/topics/a%00b", undefined, 404, String.raw`"a\u0000b"`],
    ["PUT /v2/topics/t", undefined, 405, "PUT"],
    ["GET /v2/topics/t/endpoints", undefined, 405, "GET"],
    ["PATCH /v2/topics/t", {}, 400, "headers is not an object", "nothing"],
    ["PATCH /v2/topics/t", { headers: { "a b": "1" } }, 400, "no header name", "a b"],
    ["PATCH /v2/topics/t", { headers: { "X-A": 1 } }, 400, "headers.X-A is not a text", '"1"'],
    ["PATCH /v2/topics/t", { headers: { "X-A": "a\0" } }, 400, "headers.X-A holds a control"],
    ["PATCH /v2/topics/t", { headers: { "Upstash-Retries": "x" } }, 400, "Upstash-Retries", '"x"'],
    ["PATCH /v2/topics/t", { headers: { "Upstash-Retries": ["1", "2"] } }, 400, "given twice"],
    [
      "PATCH /v2/topics/t",
      { headers: { "Upstash-Cron": "* * * * *" } },
      400,
      "no place on a topic",
    ],
    [
      "PATCH /v2/topics/t",
      { headers: { "Upstash-Schedule-Id": "s" } },
      400,
      "headers.Upstash-Schedule-Id has no place on a topic",
    ],
    [
      "PATCH /v2/topics/t",
      { headers: { "Upstash-Queue-Name": "q" } },
      400,
      "headers.Upstash-Queue-Name has no place on a topic",
    ],
    [
      "PATCH /v2/topics/t",
      { headers: { "X-A": "v".repeat(MAX_TOPIC_HEADER_BYTES) } },
      413,
      "16384",
    ],
    ["POST /v2/publish/api/llm", undefined, 400, '"api/llm"', "no LLM backend"],
    ["POST /v2/publish/api/email", undefined, 400, '"api/email"', "no such built-in"],
  ])("%s %j is %i", async (line, body, status, ...says) => {
    const answer = await wire.send(line, [], body === undefined ? "" : json(body));
    expect(answer.status, answer.body).toBe(status);
    for (const part of says) expect(answer.error()).toContain(part);
    expect(answer.error().length).toBeLessThan(600);
    expect(wire.engine.topicChanges).toEqual([]);
    expect(wire.errors).toEqual([]);
  });

  it("06 §4 a limit of the engine is 412, and one URL for two names 400", async () => {
    wire.engine.addition = { kind: "too-many-endpoints", count: 101 };
    const endpoints = await wire.send(ADD, [], json({ endpoints: [B] }));
    wire.engine.addition = { kind: "doubled-url", url: B.url, names: ["n", "m"] };
    const doubled = await wire.send(ADD, [], json({ endpoints: [{ ...B, name: "n" }] }));
    expect(doubled.status).toBe(400);
    expect(doubled.error()).toContain(`"n" and "m" would both have the url "${B.url}"`);
    wire.engine.addition = { kind: "too-many-topics" };
    const topics = await wire.send(ADD, [], json({ endpoints: [B] }));
    expect([endpoints.status, topics.status]).toEqual([412, 412]);
    expect(endpoints.error()).toContain("101");
    expect(topics.error()).toContain('topic "t"');
  });

  it.each([
    ADD,
    REMOVE,
    "DELETE /v2/topics/t",
    "PATCH /v2/topics/t",
    "POST /v2/batch",
    "POST /v2/enqueue/q/https://a.test/",
  ])("00 §2 a read-only token may not %s", async (line) => {
    const answer = await wire.send(line, [`Authorization: Bearer ${READONLY_TOKEN}`]);
    expect(answer.status).toBe(403);
  });
});
