import { until } from "@omnistore/testkit/until";
import { describe, expect, test } from "vitest";

import { world } from "./world.ts";

const there = world();

/** Every key that `qstash-py` reads without asking whether it is there; without one it raises. */
const REQUIRED = {
  message: ["messageId", "url", "method", "maxRetries", "notBefore", "createdAt"],
  deadLetter: [
    "messageId",
    "url",
    "method",
    "maxRetries",
    "notBefore",
    "createdAt",
    "responseStatus",
  ],
  schedule: ["scheduleId", "destination", "cron", "createdAt", "method", "retries"],
  queue: ["name", "createdAt", "updatedAt", "parallelism", "paused", "lag"],
  group: ["name", "createdAt", "updatedAt", "endpoints"],
  log: ["time", "messageId", "state", "url"],
} as const;

/** The members of its enumerations of states; it raises at any other. */
const LOG_STATES = new Set([
  "CREATED",
  "ACTIVE",
  "RETRY",
  "ERROR",
  "DELIVERED",
  "FAILED",
  "CANCEL_REQUESTED",
  "CANCELED",
  "IN_PROGRESS",
]);

type Json = Record<string, unknown>;

/** A request as Python's sends it, and the JSON of an answer that it takes for success. */
async function send(
  line: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
): Promise<unknown> {
  const [method = "", path = ""] = line.split(" ");
  const answer = await there.tenant.request(method, path, body, headers);
  const text = await answer.text();
  expect(answer.ok, `${line}: ${answer.status} ${text}`).toBe(true);
  return text === "" ? null : JSON.parse(text);
}

async function publish(
  headers: Readonly<Record<string, string>>,
  body: unknown = "text",
): Promise<string> {
  const { messageId } = (await send(`POST /v2/publish/${there.receiver.url}`, body, {
    "Upstash-Method": "POST",
    ...headers,
  })) as { messageId: string };
  return messageId;
}

function publishLater(headers: Readonly<Record<string, string>> = {}): Promise<string> {
  return publish({ "Upstash-Delay": "3600s", ...headers });
}

async function logsOf(messageId: string, state: string): Promise<readonly Json[]> {
  return until(async () => {
    const { events } = (await send(`GET /v2/events?messageId=${messageId}`)) as { events: Json[] };
    return events.some((event) => event["state"] === state) && events;
  });
}

async function isWaiting(messageId: string): Promise<boolean> {
  return (await there.tenant.request("GET", `/v2/messages/${messageId}`)).status === 200;
}

describe("05 §6 bulk calls that say in the body alone what they mean", () => {
  test("DELETE /v2/messages cancels the ids in its body and nothing else", async () => {
    const [one, two, kept] = [await publishLater(), await publishLater(), await publishLater()];
    const messageIds = [one, two, "msg_none"];
    expect(await send("DELETE /v2/messages", { messageIds })).toEqual({ cancelled: 2 });
    expect(await Promise.all([one, two, kept].map(isWaiting))).toEqual([false, false, true]);
    const none = await there.tenant.request("DELETE", "/v2/messages", { messageIds: [] });
    expect([none.status, await isWaiting(kept)]).toEqual([400, true]);
  });

  test("DELETE /v2/messages with neither body nor query cancels everything", async () => {
    const ids = [await publishLater(), await publishLater()];
    expect(await send("DELETE /v2/messages")).toEqual({ cancelled: 2 });
    expect(await Promise.all(ids.map(isWaiting))).toEqual([false, false]);
  });

  test("DELETE /v2/dlq deletes the ids in its body and nothing else", async () => {
    there.receiver.reply(() => ({ status: 500 }));
    for (let count = 0; count < 3; count += 1) await publish({ "Upstash-Retries": "0" });
    const list = async () => (await send("GET /v2/dlq")) as { messages: Json[] };
    const dead = await until(async () => {
      const { messages } = await list();
      return messages.length === 3 && messages.map(({ dlqId }) => dlqId);
    });
    const dlqIds = [...dead.slice(0, 2), "1-1"];
    expect(await send("DELETE /v2/dlq", { dlqIds })).toEqual({ deleted: 2 });
    expect((await list()).messages.map(({ dlqId }) => dlqId)).toEqual(dead.slice(2));
  });
});

describe("05 §6 values as Python writes them", () => {
  test("True and False are booleans", async () => {
    const once = { "Upstash-Content-Based-Deduplication": "True" };
    const first = await publish(once);
    expect(await publish(once)).toBe(first);
    const always = { "Upstash-Content-Based-Deduplication": "False" };
    expect(await publish(always)).not.toBe(await publish(always));
    await there.receiver.waitFor(3);
    const key = "POST /v2/flowControl/key";
    await send(`${key}/pin?parallelism=1&rate=2&period=60`);
    await send(`${key}/unpin?parallelism=True&rate=False`);
    expect(await send("GET /v2/flowControl/key")).toMatchObject({
      isPinnedParallelism: false,
      isPinnedRate: true,
    });
  });

  test("null in a batch is what is not there, and names of headers are written in any case", async () => {
    const answers = (await send("POST /v2/batch", [
      {
        destination: `${there.receiver.url}/none`,
        headers: { "Upstash-Method": "PUT", "Upstash-Forward-X-Mine": "kept" },
        body: null,
        queue: null,
      },
      { destination: `${there.receiver.url}/queued`, headers: {}, body: "text", queue: "q" },
    ])) as Json[];
    await there.receiver.waitFor(2);
    const received = Object.fromEntries(there.receiver.requests.map((each) => [each.url, each]));
    expect(received["/none"]).toMatchObject({ method: "PUT" });
    expect(received["/none"]?.headers["x-mine"]).toBe("kept");
    expect(received["/none"]?.body).toHaveLength(0);
    expect(String(received["/queued"]?.body)).toBe("text");
    expect(answers.map(({ messageId }) => messageId)).toEqual(
      ["/none", "/queued"].map((path) => received[path]?.headers["upstash-message-id"]),
    );
    expect(await send("GET /v2/queues")).toMatchObject([{ name: "q" }]);
  });

  test("PATCH pauses a schedule and lets it go on", async () => {
    const { scheduleId } = (await send(`POST /v2/schedules/${there.receiver.url}`, undefined, {
      "Upstash-Cron": "0 0 1 1 *",
    })) as { scheduleId: string };
    const path = `/v2/schedules/${scheduleId}`;
    await send(`PATCH ${path}/pause`);
    expect(await send(`GET ${path}`)).toMatchObject({ isPaused: true });
    await send(`PATCH ${path}/resume`);
    expect(await send(`GET ${path}`)).toMatchObject({ isPaused: false });
  });

  test("GET /v2/keys and POST /v2/keys/rotate answer both keys", async () => {
    expect(await send("GET /v2/keys")).toEqual(there.tenant.signingKeys);
    expect(await send("POST /v2/keys/rotate")).toEqual({
      current: there.tenant.signingKeys.next,
      next: expect.stringMatching(/^sig_/),
    });
  });
});

describe("05 §6 answers hold every key that Python reads without asking", () => {
  test("a message, which names no flow control when it has none", async () => {
    const id = await publishLater();
    const message = (await send(`GET /v2/messages/${id}`)) as Json;
    expect(Object.keys(message)).toEqual(expect.arrayContaining([...REQUIRED.message]));
    expect(Object.keys(message)).not.toContain("flowControlKey");
    const key = { "Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "parallelism=2" };
    const controlled = await publishLater(key);
    expect(await send(`GET /v2/messages/${controlled}`)).toMatchObject({
      flowControlKey: "k",
      parallelism: 2,
      period: 1,
    });
  });

  test("a message with callbacks, whose headers and whose caller it reads under one spelling", async () => {
    const id = await publishLater({
      "Upstash-Callback": `${there.receiver.url}/callback`,
      "Upstash-Callback-Forward-X-Back": "1",
      "Upstash-Failure-Callback": `${there.receiver.url}/failed`,
      "Upstash-Failure-Callback-Forward-X-Failed": "2",
    });
    expect(await send(`GET /v2/messages/${id}`)).toMatchObject({
      callback: `${there.receiver.url}/callback`,
      failureCallback: `${there.receiver.url}/failed`,
      callbackHeader: { "X-Back": ["1"] },
      failureCallbackHeader: { "X-Failed": ["2"] },
      callerIP: "127.0.0.1",
    });
  });

  test("a dead letter, also one alone", async () => {
    there.receiver.reply(() => ({ status: 503 }));
    await publish({ "Upstash-Retries": "0" });
    const [entry] = await until(async () => {
      const { messages } = (await send("GET /v2/dlq")) as { messages: Json[] };
      return messages.length === 1 && messages;
    });
    expect(Object.keys(entry ?? {})).toEqual(expect.arrayContaining([...REQUIRED.deadLetter]));
    expect(entry).toMatchObject({ responseStatus: 503, maxRetries: 0 });
    expect(await send(`GET /v2/dlq/${String(entry?.["dlqId"])}`)).toEqual(entry);
  });

  test("a dead letter that no receiver ever answered", async () => {
    there.receiver.reply(() => "reset");
    const id = await publish({ "Upstash-Retries": "0" });
    await logsOf(id, "FAILED");
    expect(await send("GET /v2/dlq")).toMatchObject({ messages: [{ responseStatus: 0 }] });
  });

  test("a schedule, alone and in the list", async () => {
    const { scheduleId } = (await send(`POST /v2/schedules/${there.receiver.url}`, undefined, {
      "Upstash-Cron": "0 0 1 1 *",
      "Upstash-Timeout": "30s",
    })) as { scheduleId: string };
    const schedule = (await send(`GET /v2/schedules/${scheduleId}`)) as Json;
    expect(Object.keys(schedule)).toEqual(expect.arrayContaining([...REQUIRED.schedule]));
    expect(schedule).toMatchObject({ retries: 3, timeout: 30, callerIP: "127.0.0.1" });
    expect(Object.keys(schedule)).not.toContain("flowControlKey");
    expect(await send("GET /v2/schedules")).toEqual([schedule]);
  });

  test("a queue that was made by an enqueue, alone and in the list", async () => {
    await send(`POST /v2/enqueue/line/${there.receiver.url}`, "text");
    const queue = (await send("GET /v2/queues/line")) as Json;
    expect(Object.keys(queue).toSorted()).toEqual([...REQUIRED.queue].toSorted());
    expect(await send("GET /v2/queues")).toMatchObject([{ name: "line", paused: false }]);
  });

  test("a group, and each answer to a message that goes to it", async () => {
    const endpoints = [{ url: `${there.receiver.url}/one` }, { url: `${there.receiver.url}/two` }];
    await send("POST /v2/topics/group/endpoints", { endpoints });
    const group = (await send("GET /v2/topics/group")) as Json;
    expect(Object.keys(group)).toEqual(expect.arrayContaining([...REQUIRED.group]));
    expect(group["endpoints"]).toEqual(endpoints);
    const answers = await send("POST /v2/publish/group", "text");
    expect(answers).toEqual(
      endpoints.map(({ url }) => ({ messageId: expect.stringMatching(/^msg_/), url })),
    );
  });

  test("a log entry, in states and spellings that it knows", async () => {
    there.receiver.reply("/", ({ headers }) => ({
      status: headers["upstash-retried"] === "0" ? 500 : 200,
      headers: { "X-Why": "once" },
    }));
    const id = await publish({
      "Upstash-Retry-Delay": "10",
      "Upstash-Callback": `${there.receiver.url}/callback`,
      "Upstash-Callback-Forward-X-Back": "1",
      "Upstash-Failure-Callback": `${there.receiver.url}/failed`,
      "Upstash-Failure-Callback-Forward-X-Failed": "2",
    });
    const delivered = await logsOf(id, "DELIVERED");
    const cancelled = await publishLater();
    await send(`DELETE /v2/messages/${cancelled}`);
    const events = [...delivered, ...(await logsOf(cancelled, "CANCELED"))];
    for (const event of events) {
      expect(Object.keys(event)).toEqual(expect.arrayContaining([...REQUIRED.log]));
      expect(LOG_STATES).toContain(event["state"]);
    }
    const error = delivered.find(({ state }) => state === "ERROR");
    expect(error).toMatchObject({
      retryDelayExpr: "10",
      callbackHeaders: { "X-Back": ["1"] },
      failureCallbackHeaders: { "X-Failed": ["2"] },
      responseStatus: 500,
      responseHeader: { "X-Why": ["once"] },
    });
  });

  test("a signature with issuer, subject, end and beginning", async () => {
    await publish({});
    const [request] = await there.receiver.waitFor(1);
    const [, payload = ""] = String(request?.headers["upstash-signature"]).split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Json;
    expect(claims).toMatchObject({
      iss: "Upstash",
      sub: there.receiver.url,
      exp: expect.any(Number),
      nbf: expect.any(Number),
    });
  });
});
