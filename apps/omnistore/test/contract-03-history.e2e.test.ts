import { describe, expect, test } from "vitest";

import { world } from "./world.ts";

const there = world();

const TIME = expect.any(Number) as number;
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** A message that says everything and fails once: its id. */
async function failFully(): Promise<string> {
  const { url } = there.receiver;
  there.receiver.reply("/work", () => ({
    status: 500,
    headers: { "X-Answer": "no" },
    body: "no, thanks",
  }));
  const endpoints = [{ url: `${url}/work`, name: "end" }];
  await there.client.urlGroups.addEndpoints({ name: "group", endpoints });
  const { json } = await there.call("POST /v2/enqueue/queue/group", {
    headers: {
      "content-type": "text/plain",
      "Upstash-Retries": "0",
      "Upstash-Retry-Delay": "1000",
      "Upstash-Timeout": "1m",
      "Upstash-Label": "one,two",
      "Upstash-Forward-X-Mine": "1",
      "Upstash-Flow-Control-Key": "key",
      "Upstash-Flow-Control-Value": "rate=9, period=1m",
      "Upstash-Callback": `${url}/callback`,
      "Upstash-Callback-Forward-X-Of-Callback": "2",
      "Upstash-Failure-Callback": `${url}/failure`,
      "Upstash-Failure-Callback-Forward-X-Of-Failure": "3",
    },
    body: "body",
  });
  const [published] = json as { messageId: string }[];
  return published?.messageId ?? "";
}

/** What log entries and dead letters of such a message have in common. */
const ofMessage = () => ({
  url: `${there.receiver.url}/work`,
  method: "POST",
  maxRetries: 0,
  header: { "Content-Type": ["text/plain"], "X-Mine": ["1"] },
  topicName: "group",
  endpointName: "end",
  queueName: "queue",
  callback: `${there.receiver.url}/callback`,
  failureCallback: `${there.receiver.url}/failure`,
  retryDelayExpression: "1000",
  label: "one",
  labels: ["one", "two"],
  flowControlKey: "key",
  rate: 9,
  period: 60,
  callerIP: "127.0.0.1",
  callerIp: "127.0.0.1",
});

describe("03 §5 dead letter queue", () => {
  test("an entry is the message and the last answer, alone as in the list", async () => {
    const messageId = await failFully();
    await there.settled(messageId, "FAILED");
    const { messages } = await there.get<{ messages: { dlqId: string }[] }>("/v2/dlq");
    expect(messages).toEqual([
      {
        ...ofMessage(),
        messageId,
        dlqId: expect.stringMatching(/^\d+-/) as string,
        createdAt: TIME,
        notBefore: TIME,
        callbackHeader: { "X-Of-Callback": ["2"] },
        failureCallbackHeader: { "X-Of-Failure": ["3"] },
        body: "body",
        responseStatus: 500,
        responseHeader: expect.objectContaining({ "X-Answer": ["no"] }) as object,
        responseBody: "no, thanks",
        error: expect.any(String) as string,
      },
    ]);
    expect(await there.get(`/v2/dlq/${messages[0]?.dlqId}`)).toEqual(messages[0]);
  });

  test("an answer that is no text is base64", async () => {
    there.receiver.reply(() => ({ status: 500, body: Buffer.from([0xff, 0x00]) }));
    const { messageId } = await there.client.publish({ url: there.receiver.url, retries: 0 });
    await there.settled(messageId, "FAILED");
    const { messages } = await there.get<{ messages: object[] }>("/v2/dlq");
    expect(messages).toMatchObject([{ responseBodyBase64: "/wA=" }]);
    expect(messages[0]).not.toHaveProperty("responseBody");
  });

  test("a retry is a new message with what its headers say anew, and the entry leaves", async () => {
    await there.settled(await failFully(), "FAILED");
    const [entry] = (await there.client.dlq.listMessages()).messages;
    there.receiver.reply("/work", () => ({ status: 200 }));
    const answer = await there.call(`POST /v2/dlq/retry/${entry?.dlqId}`, {
      headers: {
        "Upstash-Retries": "4",
        "Upstash-Label": "again",
        "Upstash-Forward-X-Again": "yes",
        "content-type": "text/odd",
      },
    });
    expect(answer.status).toBe(201);
    const { messageId } = answer.json as { messageId: string };
    expect(messageId).not.toBe(entry?.messageId);
    const [created] = await there.settled(messageId, "DELIVERED");
    expect(created).toMatchObject({
      ...ofMessage(),
      maxRetries: 4,
      label: "again",
      labels: ["again"],
      header: { "Content-Type": ["text/plain"], "X-Mine": ["1"], "X-Again": ["yes"] },
      body: base64("body"),
    });
    const gone = [
      await there.call(`DELETE /v2/dlq/${entry?.dlqId}`),
      await there.call(`GET /v2/dlq/${entry?.dlqId}`),
      await there.call(`POST /v2/dlq/retry/${entry?.dlqId}`),
      await there.call(`POST /v2/dlq/retry?dlqIds=${entry?.dlqId}`),
    ];
    expect(gone.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  });

  test("07 Q35 an unknown parameter is ignored by GET, and 400 where something would change", async () => {
    await there.settled(await failFully(), "FAILED");
    expect((await there.get<{ messages: [] }>("/v2/dlq?lable=x")).messages).toHaveLength(1);
    for (const line of ["DELETE /v2/dlq", "POST /v2/dlq/retry", "DELETE /v2/messages"]) {
      for (const query of ["lable=x", "label=", "count=many", "all=true"]) {
        expect((await there.call(`${line}?${query}`)).status, `${line}?${query}`).toBe(400);
      }
    }
    expect((await there.client.dlq.listMessages()).messages).toHaveLength(1);
  });
});

describe("03 §8 logs", () => {
  test("07 Q2, Q25 an entry has these fields and no others, on both routes and in both orders", async () => {
    const messageId = await failFully();
    await there.settled(messageId, "FAILED");
    const common = {
      ...ofMessage(),
      messageId,
      time: TIME,
      body: base64("body"),
      timeout: 60_000,
      retryDelayExpr: "1000",
      callbackHeaders: { "X-Of-Callback": ["2"] },
      failureCallbackHeaders: { "X-Of-Failure": ["3"] },
    };
    const answered = expect.objectContaining({ "X-Answer": ["no"] }) as object;
    const said = { error: expect.any(String) as string };
    const entries = [
      { ...common, state: "FAILED", ...said },
      {
        ...common,
        state: "ERROR",
        ...said,
        responseStatus: 500,
        responseBody: base64("no, thanks"),
        responseHeader: answered,
        responseHeaders: answered,
      },
      { ...common, state: "ACTIVE" },
      { ...common, state: "CREATED", nextDeliveryTime: TIME },
    ];
    const query = `messageId=${messageId}`;
    expect(await there.get(`/v2/logs?${query}`)).toEqual({ logs: entries });
    expect(await there.get(`/v2/events?${query}`)).toEqual({ events: entries });
    expect(await there.get(`/v2/logs?${query}&order=earliestFirst`)).toEqual({
      logs: entries.toReversed(),
    });
    for (const { state } of entries) {
      const { logs } = await there.get<{ logs: unknown[] }>(`/v2/logs?${query}&state=${state}`);
      expect(logs, state).toEqual(entries.filter((entry) => entry.state === state));
    }
  });

  test("07 Q5 CANCELED is spelled with one l, and found by either spelling", async () => {
    const { messageId } = await there.waiting({});
    await there.client.messages.cancel(String(messageId));
    for (const spelled of ["CANCELED", "CANCELLED"]) {
      const { events } = await there.get<{ events: object[] }>(`/v2/events?state=${spelled}`);
      expect(events).toMatchObject([{ state: "CANCELED", messageId }]);
    }
    const requested = await there.get<{ logs: object[] }>("/v2/logs?state=CANCEL_REQUESTED");
    expect(requested.logs).toMatchObject([{ messageId }]);
  });

  test("times are inclusive to the millisecond", async () => {
    const { messageId } = await there.waiting({});
    const [event] = await there.settled(String(messageId), "CREATED");
    const time = event?.time ?? 0;
    const count = async (query: string) =>
      (await there.get<{ logs: [] }>(`/v2/logs?${query}`)).logs.length;
    expect(await count(`fromDate=${time}&toDate=${time}`)).toBe(1);
    expect(await count(`fromDate=${time + 1}`)).toBe(0);
    expect(await count(`toDate=${time - 1}`)).toBe(0);
  });
});

describe("03 §9 a read-only token", () => {
  const reads = [
    "/v2/queues",
    "/v2/queues/queue",
    "/v2/schedules",
    "/v2/schedules/s",
    "/v2/topics",
    "/v2/topics/group",
    "/v2/dlq",
    "/v2/events",
    "/v2/logs",
    "/v2/flowControl",
    "/v2/flowControl/key",
    "/v2/globalParallelism",
  ];
  const writes = [
    "POST /v2/publish/https://example.com/",
    "POST /v2/enqueue/q/https://example.com/",
    "POST /v2/batch",
    "DELETE /v2/messages",
    "DELETE /v2/messages/$message",
    "POST /v2/queues",
    "DELETE /v2/queues/queue",
    "POST /v2/queues/queue/pause",
    "POST /v2/queues/queue/resume",
    "POST /v2/schedules/https://example.com/",
    "DELETE /v2/schedules/s",
    "PATCH /v2/schedules/s/pause",
    "POST /v2/schedules/s/resume",
    "POST /v2/topics/group/endpoints",
    "DELETE /v2/topics/group/endpoints",
    "PATCH /v2/topics/group",
    "DELETE /v2/topics/group",
    "DELETE /v2/dlq",
    "DELETE /v2/dlq/$dlq",
    "POST /v2/dlq/retry",
    "POST /v2/dlq/retry/$dlq",
    "POST /v2/flowControl/key/pause",
    "POST /v2/flowControl/key/resume",
    "POST /v2/flowControl/key/pin?rate=1",
    "POST /v2/flowControl/key/unpin",
    "POST /v2/flowControl/key/resetRate",
    "POST /v2/flowControl/key/reset",
    "POST /v2/keys/rotate",
    "PUT /v2/publish/https://example.com/?qstash_token=$token",
  ];

  test("07 Q19 reads everything as its owner does, and is 403 on every route that changes", async () => {
    await there.settled(await failFully(), "FAILED");
    await there.client.schedules.create({
      destination: "https://example.com/",
      cron: "0 0 1 1 *",
      scheduleId: "s",
    });
    const waiting = await there.waiting({ "Upstash-Redact-Fields": "body" }, "secret");
    const [entry] = (await there.client.dlq.listMessages()).messages;
    const token = there.tenant.readonlyToken;
    const authorization = `Bearer ${token}`;
    const everything = async (headers: Record<string, string>) =>
      Promise.all(
        [...reads, `/v2/messages/${String(waiting["messageId"])}`, `/v2/dlq/${entry?.dlqId}`].map(
          async (path) => {
            const { status, json } = await there.call(`GET ${path}`, { headers });
            return { path, status, json };
          },
        ),
      );
    const before = await everything({});
    expect(new Set(before.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await everything({ authorization })).toEqual(before);
    expect((await there.call("GET /v2/keys", { headers: { authorization } })).status).toBe(200);

    for (const written of writes) {
      const line = written
        .replace("$message", String(waiting["messageId"]))
        .replace("$dlq", entry?.dlqId ?? "")
        .replace("$token", encodeURIComponent(token));
      const headers = written.includes("$token") ? {} : { authorization };
      expect((await there.call(line, { headers, body: "{}" })).status, written).toBe(403);
    }
    expect(await everything({})).toEqual(before);
  });
});
