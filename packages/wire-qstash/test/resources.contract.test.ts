import { createHash } from "node:crypto";
import type { DeadLetter } from "@omnistore/domain/history/dead-letter";
import type { PendingMessage } from "@omnistore/domain/message/message";
import { Client } from "@upstash/qstash";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FULL_TOKEN, KEPT_FROM_MS, KEYS, READONLY_TOKEN, uuid } from "./stand-in-engine.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

let wire: WireServer;
let client: Client;
beforeAll(async () => {
  wire = await startWire();
  client = new Client({ baseUrl: wire.url, token: FULL_TOKEN, devMode: false });
});
beforeEach(() => {
  wire.engine.messages.clear();
  wire.engine.deadLetters.splice(0);
  wire.engine.deadLetterQueries.splice(0);
  wire.engine.logQueries.splice(0);
  wire.engine.logs = { kind: "page", page: { items: [] } };
  wire.engine.deadLetterCursor = undefined;
});
afterAll(() => wire.close());

const MESSAGE_ID = `msg_${uuid(1).replaceAll("-", "")}`;
const plain: PendingMessage = {
  tenantId: "tenant-1",
  id: uuid(1),
  wire: "qstash",
  destination: "https://example.com/hook?a=b",
  method: "PATCH",
  headers: {},
  body: Buffer.alloc(0),
  maxRetries: 3,
  options: {},
  createdAt: 1_787_000_000_000,
  notBefore: 1_787_000_060_000,
};
const full: PendingMessage = {
  ...plain,
  headers: { "Content-Type": ["text/plain"], "X-Two": ["a", "b"] },
  body: Buffer.from("grüße"),
  options: {
    retryDelay: "1000 * retried",
    timeoutMs: 30_000,
    labels: ["first", "second"],
    callerIp: "192.0.2.7",
    topicName: "topic",
    endpointName: "endpoint",
    scheduleId: "scd_1",
  },
};

async function get(path: string, token = FULL_TOKEN): Promise<unknown> {
  const answer = await wire.send(`GET ${path}`, [`Authorization: Bearer ${token}`]);
  expect(answer.status, answer.body).toBe(200);
  return answer.json();
}

function put(message: PendingMessage): void {
  wire.engine.messages.set(message.id, message);
}

function sha256(text: string | Buffer): string {
  return `REDACTED:${createHash("sha256").update(text).digest("hex")}`;
}

describe("03 §1 GET /v2/messages/{id}", () => {
  it("shows the required fields and leaves out what is empty", async () => {
    put(plain);
    expect(await get(`/v2/messages/${MESSAGE_ID}`)).toEqual({
      messageId: MESSAGE_ID,
      url: "https://example.com/hook?a=b",
      method: "PATCH",
      maxRetries: 3,
      createdAt: 1_787_000_000_000,
      notBefore: 1_787_000_060_000,
    });
  });

  it("shows everything a publisher said, the caller's address in both spellings", async () => {
    put(full);
    expect(await get(`/v2/messages/${MESSAGE_ID}`)).toMatchObject({
      header: { "Content-Type": ["text/plain"], "X-Two": ["a", "b"] },
      body: "grüße",
      retryDelayExpression: "1000 * retried",
      label: "first",
      labels: ["first", "second"],
      callerIP: "192.0.2.7",
      callerIp: "192.0.2.7",
      topicName: "topic",
      endpointName: "endpoint",
      scheduleId: "scd_1",
    });
  });

  it("shows a body that is not UTF-8 in base64 only", async () => {
    put({ ...full, body: Buffer.from([0xff, 0x00]) });
    const message = await get(`/v2/messages/${MESSAGE_ID}`);
    expect(message).toMatchObject({ bodyBase64: "/wA=" });
    expect(message).not.toHaveProperty("body");
  });

  it("is what the official client reads", async () => {
    put(full);
    const message = await client.messages.get(MESSAGE_ID);
    expect(message).toMatchObject({ messageId: MESSAGE_ID, urlGroup: "topic", body: "grüße" });
  });

  it("is open to a read-only token, and to no other tenant", async () => {
    put(full);
    await get(`/v2/messages/${MESSAGE_ID}`, READONLY_TOKEN);
    put({ ...full, tenantId: "tenant-2" });
    const answer = await wire.send(`GET /v2/messages/${MESSAGE_ID}`);
    expect(answer.status).toBe(404);
    expect(answer.error()).toContain(MESSAGE_ID);
  });
});

describe("01 §7 redaction", () => {
  it("shows the hash of the body and of the headers that are named", async () => {
    put({ ...full, options: { redaction: { body: true, headers: ["X-Two"] } } });
    expect(await get(`/v2/messages/${MESSAGE_ID}`)).toMatchObject({
      body: sha256("grüße"),
      header: { "Content-Type": ["text/plain"], "X-Two": [sha256("a"), sha256("b")] },
    });
  });

  it("shows the hash of every header when all are redacted", async () => {
    put({ ...full, options: { redaction: { body: false, headers: "all" } } });
    expect(await get(`/v2/messages/${MESSAGE_ID}`)).toMatchObject({
      body: "grüße",
      header: { "Content-Type": [sha256("text/plain")], "X-Two": [sha256("a"), sha256("b")] },
    });
  });

  it("hashes the bytes of a header, which otherwise is shown as the text that they are", async () => {
    const headers = { X: [Buffer.from("größe 日本").toString("latin1"), "größe"] };
    put({ ...full, headers });
    expect(await get(`/v2/messages/${MESSAGE_ID}`)).toMatchObject({
      header: { X: ["größe 日本", "größe"] },
    });
    put({ ...full, headers, options: { redaction: { body: false, headers: "all" } } });
    expect(await get(`/v2/messages/${MESSAGE_ID}`)).toMatchObject({
      header: { X: [sha256("größe 日本"), sha256(Buffer.from("größe", "latin1"))] },
    });
  });

  it("holds in logs and dead letters too", async () => {
    const message = { ...full, options: { redaction: { body: true, headers: [] } } };
    wire.engine.logs = { kind: "page", page: { items: [{ time: 1, state: "CREATED", message }] } };
    expect(await get("/v2/logs")).toMatchObject({
      logs: [{ body: Buffer.from(sha256("grüße")).toString("base64") }],
    });
    wire.engine.deadLetters.push({ id: uuid(9), message, diedAt: 1 });
    expect(await get("/v2/dlq")).toMatchObject({ messages: [{ body: sha256("grüße") }] });
  });
});

describe("03 §8 the log", () => {
  const response = {
    status: 500,
    headers: { "Retry-After": ["1"] },
    body: Buffer.from("no"),
  };

  it("has every field of an entry, in both spellings where there are two", async () => {
    wire.engine.logs = {
      kind: "page",
      page: {
        items: [
          { time: 2, state: "ERROR", message: full, error: "refused", response },
          { time: 1, state: "CREATED", message: plain, nextDeliveryTime: 5 },
        ],
      },
    };
    expect(await get("/v2/events")).toEqual({
      events: [
        {
          time: 2,
          state: "ERROR",
          messageId: MESSAGE_ID,
          url: "https://example.com/hook?a=b",
          method: "PATCH",
          header: { "Content-Type": ["text/plain"], "X-Two": ["a", "b"] },
          body: Buffer.from("grüße").toString("base64"),
          maxRetries: 3,
          timeout: 30_000,
          retryDelayExpression: "1000 * retried",
          retryDelayExpr: "1000 * retried",
          error: "refused",
          responseStatus: 500,
          responseHeader: { "Retry-After": ["1"] },
          responseHeaders: { "Retry-After": ["1"] },
          responseBody: "bm8=",
          topicName: "topic",
          endpointName: "endpoint",
          scheduleId: "scd_1",
          callerIP: "192.0.2.7",
          callerIp: "192.0.2.7",
          label: "first",
          labels: ["first", "second"],
        },
        {
          time: 1,
          state: "CREATED",
          messageId: MESSAGE_ID,
          url: "https://example.com/hook?a=b",
          method: "PATCH",
          maxRetries: 3,
          nextDeliveryTime: 5,
        },
      ],
    });
  });

  it("is called events on one route and logs on the other, each with a cursor while more remains", async () => {
    wire.engine.logs = { kind: "page", page: { items: [], cursor: "18446744073709551616" } };
    expect(await get("/v2/events/")).toEqual({ events: [], cursor: "18446744073709551616" });
    expect(await get("/v2/logs")).toEqual({ logs: [], cursor: "18446744073709551616" });
    const page = await client.logs({ filter: { state: "DELIVERED" }, count: 5 });
    expect(page).toMatchObject({ logs: [], cursor: "18446744073709551616" });
    expect(wire.engine.logQueries.at(-1)).toMatchObject({ states: ["DELIVERED"], count: 5 });
  });

  it("takes every filter, repeated or in one list", async () => {
    const query = [
      `messageIds=${MESSAGE_ID},msg_unknown`,
      "state=CANCELLED&state=IN_PROGRESS",
      "url=https://a.test/?x=1,2,https://b.test",
      "host=a.test,b.test",
      "path=/a,b,/c",
      "label=x&label=y",
      "callerIp=192.0.2.1&callerIP=192.0.2.2",
      "topicName=t&scheduleId=s&queueName=q,r&flowControlKey=k,l%2Cm&flowControlKey=n",
      "fromDate=1&toDate=2&order=earliestFirst&cursor=c",
      "groupBy=messageId&trimBody=1&anything=else",
    ].join("&");
    await get(`/v2/logs?${query}`);
    expect(wire.engine.logQueries).toEqual([
      {
        messageIds: [uuid(1)],
        states: ["CANCELED", "ACTIVE", "RETRY", "ERROR"],
        urls: ["https://a.test/?x=1,2", "https://b.test"],
        hosts: ["a.test", "b.test"],
        paths: ["/a,b", "/c"],
        labels: ["x", "y"],
        callerIps: ["192.0.2.1", "192.0.2.2"],
        topicNames: ["t"],
        scheduleIds: ["s"],
        queueNames: ["q", "r"],
        flowControlKeys: ["k", "l,m", "n"],
        fromMs: KEPT_FROM_MS,
        toMs: 2,
        order: "earliestFirst",
        count: 100,
        cursor: "c",
      },
    ]);
  });

  it("gives 100 entries unless asked, and never more than 1000", async () => {
    for (const [query, count] of [
      ["", 100],
      ["?count=7", 7],
      ["?count=99999", 1000],
    ] as const) {
      await get(`/v2/logs${query}`);
      expect(wire.engine.logQueries.at(-1)).toEqual({
        fromMs: KEPT_FROM_MS,
        order: "latestFirst",
        count,
      });
    }
  });

  it("is empty for a filter that nothing can match, without asking for it", async () => {
    expect(await get("/v2/logs?messageId=msg_unknown")).toEqual({ logs: [] });
    expect(wire.engine.logQueries).toEqual([]);
  });

  it("refuses a cursor that the engine does not know", async () => {
    wire.engine.logs = { kind: "bad-cursor" };
    const answer = await wire.send("GET /v2/events?cursor=mine");
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain('cursor "mine"');
  });
});

describe("03 §5 the dead letter queue", () => {
  const answered: DeadLetter = {
    id: uuid(9),
    message: full,
    diedAt: 1_787_000_100_000,
    response: { status: 404, headers: { "X-A": ["1"] }, body: Buffer.from("gone") },
  };
  const dlqId = `1755349019904-${uuid(9).replaceAll("-", "").slice(12)}`;

  it("lists the message with the last answer, as the official client reads it", async () => {
    wire.engine.deadLetters.push(answered);
    const { messages, cursor } = await client.dlq.listMessages();
    expect(cursor).toBeUndefined();
    expect(messages).toMatchObject([
      {
        dlqId,
        messageId: MESSAGE_ID,
        maxRetries: 3,
        responseStatus: 404,
        responseHeader: { "X-A": ["1"] },
        responseBody: "gone",
        urlGroup: "topic",
      },
    ]);
    expect(await get(`/v2/dlq/${dlqId}`)).toEqual(Object(await get("/v2/dlq")).messages[0]);
  });

  it("shows a response that is not text in base64 only", async () => {
    const response = { status: 500, headers: {}, body: Buffer.from([0xff]) };
    wire.engine.deadLetters.push({ ...answered, response });
    const entry = await get(`/v2/dlq/${dlqId}`);
    expect(entry).toMatchObject({ responseBodyBase64: "/w==" });
    expect(entry).not.toHaveProperty("responseBody");
  });

  it("says status 0 and why when nobody answered", async () => {
    const { response: _, ...unanswered } = answered;
    wire.engine.deadLetters.push({ ...unanswered, error: "connection refused" });
    const entry = await get(`/v2/dlq/${dlqId}`);
    expect(entry).toMatchObject({ responseStatus: 0, error: "connection refused" });
    expect(entry).not.toHaveProperty("responseHeader");
  });

  it("takes every filter", async () => {
    const query = [
      `dlqIds=${dlqId}&dlqIds=1-1`,
      `messageId=${MESSAGE_ID}`,
      "url=https://a.test&label=l&callerIp=192.0.2.1&topicName=t&scheduleId=s",
      "queueName=q&flowControlKey=k1&flowControlKey=k2&order=earliestFirst",
      "responseStatus=404,500&responseStatus=999",
      "fromDate=1&toDate=2&count=1000&cursor=c&unknown=x",
    ].join("&");
    await get(`/v2/dlq?${query}`);
    expect(wire.engine.deadLetterQueries).toEqual([
      {
        ids: [uuid(9)],
        messageId: uuid(1),
        urls: ["https://a.test"],
        labels: ["l"],
        callerIps: ["192.0.2.1"],
        topicNames: ["t"],
        scheduleIds: ["s"],
        queueNames: ["q"],
        flowControlKeys: ["k1", "k2"],
        responseStatuses: [404, 500, 999],
        fromMs: KEPT_FROM_MS,
        toMs: 2,
        order: "earliestFirst",
        count: 100,
        cursor: "c",
      },
    ]);
  });

  it("is empty for a filter that nothing can match, without asking for it", async () => {
    wire.engine.deadLetters.push(answered);
    for (const filter of ["dlqIds=x", "messageId=x", "source=workflow"]) {
      expect(await get(`/v2/dlq?${filter}`)).toEqual({ messages: [] });
    }
    expect(wire.engine.deadLetterQueries).toEqual([]);
  });

  it("has a cursor while more remains", async () => {
    wire.engine.deadLetterCursor = "next";
    expect(await get("/v2/dlq/")).toEqual({ messages: [], cursor: "next" });
  });
});

describe("03 §7 GET /v2/keys", () => {
  it("gives both signing keys to who may sign, and their hashes to a read-only token", async () => {
    expect(await get("/v2/keys")).toEqual(KEYS);
    const hashed = { current: sha256(KEYS.current), next: sha256(KEYS.next) };
    expect(await get(`/v2/keys?qstash_token=x`, READONLY_TOKEN)).toEqual(hashed);
  });
});
