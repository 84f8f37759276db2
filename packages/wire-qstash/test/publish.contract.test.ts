import { connect } from "node:net";
import { Client } from "@upstash/qstash";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { NOW_MS, FULL_TOKEN, TWO_RETRIES_TOKEN } from "./stand-in-engine.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

const TARGET = "https://example.com/hook";
const PUBLISH = `POST /v2/publish/${TARGET}`;
const MESSAGE_ID = /^msg_[0-9a-f]{32}$/;

let wire: WireServer;
let client: Client;
beforeAll(async () => {
  wire = await startWire();
  client = new Client({
    baseUrl: wire.url,
    token: FULL_TOKEN,
    devMode: false,
    enableTelemetry: true,
  });
});
beforeEach(() => void wire.engine.published.splice(0));
afterAll(() => wire.close());

describe("01 §3 a publish by the official client", () => {
  it("with nothing but a body takes every default", async () => {
    const result = await client.publish({ url: TARGET, body: "hello" });
    expect(result).toEqual({ messageId: expect.stringMatching(MESSAGE_ID) });
    expect(wire.engine.takePublished()).toEqual({
      tenantId: "tenant-1",
      wire: "qstash",
      destination: TARGET,
      method: "POST",
      // fetch names the type of a text by itself.
      headers: { "Content-Type": ["text/plain;charset=UTF-8"] },
      body: Buffer.from("hello"),
      due: { kind: "now" },
      maxRetries: 3,
      options: { callerIp: "127.0.0.1" },
    });
  });

  it("carries every setting of one message", async () => {
    await client.publishJSON({
      url: `${TARGET}?a=b&c=%20d`,
      body: { hello: "wörld" },
      method: "PUT",
      delay: "1m",
      retries: 0,
      retryDelay: "1000 * (1 + retried)",
      timeout: 30,
      deduplicationId: "every-setting",
      headers: { "x-my-header": "value", authorization: "Bearer theirs" },
      label: "nightly",
      redact: { body: true, header: ["authorization"] },
    });
    expect(wire.engine.takePublished()).toMatchObject({
      destination: `${TARGET}?a=b&c=%20d`,
      method: "PUT",
      headers: {
        "Content-Type": ["application/json"],
        "X-My-Header": ["value"],
        Authorization: ["Bearer theirs"],
      },
      body: Buffer.from('{"hello":"wörld"}'),
      due: { kind: "after", delayMs: 60_000 },
      maxRetries: 0,
      deduplication: { kind: "id", id: "every-setting" },
      options: {
        retryDelay: "1000 * (1 + retried)",
        timeoutMs: 30_000,
        labels: ["nightly"],
        redaction: { body: true, headers: ["Authorization"] },
      },
    });
  });

  it("with a time not to start before has that time", async () => {
    const unixSeconds = NOW_MS / 1000 + 3600;
    await client.publishJSON({
      url: TARGET,
      notBefore: unixSeconds,
      contentBasedDeduplication: true,
    });
    expect(wire.engine.takePublished()).toMatchObject({
      due: { kind: "at", unixMs: unixSeconds * 1000 },
      deduplication: { kind: "content" },
    });
  });

  it("fails with the raw body of the error", async () => {
    await expect(client.publish({ url: "example.com" })).rejects.toThrow(
      '{"error":"invalid destination url: endpoint has invalid scheme, add http:// or https://"}',
    );
  });
});

describe("01 §8 the answer to a publish", () => {
  it("is 200 and the id, then 202 and the first id for a duplicate", async () => {
    const headers = ["Upstash-Deduplication-Id: once"];
    const first = await wire.send(PUBLISH, headers);
    expect(first.status).toBe(200);
    expect(first.json()).toEqual({ messageId: expect.stringMatching(MESSAGE_ID) });
    const second = await wire.send(PUBLISH, headers);
    expect(second.status).toBe(202);
    expect(second.json()).toEqual({ ...Object(first.json()), deduplicated: true });
  });

  it("is 503 with Retry-After when nothing was stored", async () => {
    wire.engine.unavailable = { reason: "the store is full", retryAfterSeconds: 1.2 };
    const answer = await wire.send(PUBLISH);
    wire.engine.unavailable = undefined;
    expect(answer.status).toBe(503);
    expect(answer.head.toLowerCase()).toContain("\r\nretry-after: 2");
    expect(answer.error()).toBe("the store is full");
  });

  it("is a bare 500 for a fault of ours, which is reported but not told", async () => {
    const fault = new Error("password of the database");
    wire.engine.fault = fault;
    const answer = await wire.send(PUBLISH);
    wire.engine.fault = undefined;
    expect(answer.status).toBe(500);
    expect(answer.error()).toBe("internal error");
    expect(wire.errors.splice(0)).toEqual([fault]);
  });
});

describe("01 §1 the body", () => {
  it("is kept byte for byte, whatever its type and encoding say", async () => {
    const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await wire.send(PUBLISH, ["Content-Type: text/plain", "Content-Encoding: gzip"], body);
    const published = wire.engine.takePublished();
    expect(published.body).toEqual(body);
    expect(published.headers).toEqual({ "Content-Type": ["text/plain"] });
  });

  it("may be empty, and then no content type is made up", async () => {
    await wire.send(PUBLISH);
    expect(wire.engine.takePublished()).toMatchObject({ body: Buffer.alloc(0), headers: {} });
  });

  it("may come in pieces without a length", async () => {
    const head = [
      `${PUBLISH} HTTP/1.1`,
      "Host: h",
      "Connection: close",
      `Authorization: Bearer ${FULL_TOKEN}`,
      "Transfer-Encoding: chunked",
    ].join("\r\n");
    const answer = await wire.raw(`${head}\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`);
    expect(answer.status).toBe(200);
    expect(wire.engine.takePublished().body).toEqual(Buffer.from("abcde"));
  });

  it("that breaks off publishes nothing and is no fault of ours", async () => {
    const others = await wire.connections();
    const socket = connect(Number(new URL(wire.url).port), "127.0.0.1");
    const head = [`${PUBLISH} HTTP/1.1`, "Host: h", `Authorization: Bearer ${FULL_TOKEN}`];
    socket.write([...head, "Content-Length: 100", "", "half of it"].join("\r\n"));
    const before = wire.engine.authentications;
    await vi.waitUntil(() => wire.engine.authentications > before);
    socket.destroy();
    await vi.waitUntil(async () => (await wire.connections()) <= others);
    expect(wire.engine.published).toEqual([]);
    expect(wire.errors).toEqual([]);
  });
});

describe("00 §1 the destination", () => {
  it("is taken from the raw target, never from a parsed one", async () => {
    const destination = "https://EXAMPLE.com:443/a/../b//c/%2e%2E/%7e?x=%zz&x=1&&y";
    await wire.send(`POST /v2/publish/${destination}`);
    expect(wire.engine.takePublished().destination).toBe(destination);
  });

  it("may stand in a target in absolute form", async () => {
    await wire.send(`POST http://omnistore.test/v2/publish/${TARGET}?a=b`);
    expect(wire.engine.takePublished().destination).toBe(`${TARGET}?a=b`);
  });
});

describe("01 §10 a publish by a third party's webhook", () => {
  it.each(["GET", "PUT", "PATCH", "DELETE", "POST"])(
    "may use %s with the token and the settings in the query",
    async (method) => {
      const query = `qstash_token=${encodeURIComponent(FULL_TOKEN)}&a=1&upstash-retries=5&upstash-header-forward=true`;
      const headers = ["Authorization: Basic dGhlaXJz", "X-Signature: abc", "Accept-Encoding: br"];
      const answer = await wire.send(`${method} /v2/publish/${TARGET}?${query}`, headers);
      expect(answer.status, answer.body).toBe(200);
      expect(wire.engine.takePublished()).toMatchObject({
        destination: `${TARGET}?a=1`,
        method: "POST",
        maxRetries: 5,
        headers: { Authorization: ["Basic dGhlaXJz"], "X-Signature": ["abc"] },
      });
    },
  );

  it("never hands on our token", async () => {
    await wire.send(`${PUBLISH}?qstash_token=ignored`, ["Upstash-Header-Forward: true"]);
    const published = wire.engine.takePublished();
    expect(published.destination).toBe(TARGET);
    expect(published.headers).toEqual({});
  });
});

describe("01 §3 what only a schedule or a queue may say", () => {
  it("is not taken from a publish: the id of a schedule is nobody's there", async () => {
    const headers = ["Upstash-Schedule-Id: s", "Upstash-Forward-Upstash-Schedule-Id: s"];
    expect((await wire.send(PUBLISH, headers)).status).toBe(200);
    expect(wire.engine.takePublished().options).not.toHaveProperty("scheduleId");
  });

  it("is taken where it says what the path says", async () => {
    const line = `POST /v2/enqueue/q/${TARGET}`;
    expect((await wire.send(line, ["Upstash-Queue-Name: q"])).status).toBe(200);
    expect(wire.engine.takePublished().options.queueName).toBe("q");
  });

  it("is refused in an item of a batch, which has a name for its queue", async () => {
    const item = { destination: TARGET, headers: { "upstash-queue-name": "q" } };
    const answer = await wire.send("POST /v2/batch", [], JSON.stringify([item]));
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain('Upstash-Queue-Name "q" is for schedules');
  });
});

const sendWithTwoRetries = (line: string, body = "") =>
  wire.send(line, [`Authorization: Bearer ${TWO_RETRIES_TOKEN}`], body);

describe("01 §3 a message that says nothing of retries", () => {
  it("has as many as the plan allows, where that is fewer than three", async () => {
    for (const [line, body] of [
      [PUBLISH],
      [`POST /v2/enqueue/q/${TARGET}?upstash-callback=${TARGET}`],
      ["POST /v2/batch", JSON.stringify([{ destination: TARGET }])],
    ] as const) {
      expect((await sendWithTwoRetries(line, body)).status, line).toBe(200);
      expect(wire.engine.takePublished().maxRetries, line).toBe(2);
    }
    const schedule = `POST /v2/schedules/${TARGET}?upstash-cron=0%200%20*%20*%20*`;
    expect((await sendWithTwoRetries(schedule)).status).toBe(200);
    expect(wire.engine.scheduled.pop()?.template.maxRetries).toBe(2);
  });

  it("is refused more only where it asks for more", async () => {
    expect((await sendWithTwoRetries(`${PUBLISH}?upstash-retries=2`)).status).toBe(200);
    expect((await sendWithTwoRetries(`${PUBLISH}?upstash-retries=3`)).status).toBe(412);
  });
});
