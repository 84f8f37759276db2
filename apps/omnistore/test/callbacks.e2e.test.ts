import { officialClient, officialReceiver, DEVELOPMENT } from "@omnistore/testkit/official-client";
import {
  startReceiver,
  type ReceivedRequest,
  type Receiver as HttpReceiver,
} from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import type { Client } from "@upstash/qstash";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { asOperator } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN } from "./tenant.ts";

let node: RunningNode;
let client: Client;
let receiver: HttpReceiver;

beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  client = officialClient(node.url);
});
afterAll(() => node.stop());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

/** Long answers there, stored, and back again take their time. */
const MANY_MS = 60_000;

/** Contract 02 §5. */
interface Payload {
  readonly status: number;
  readonly header: Record<string, string[]>;
  readonly body: string;
  readonly retried: number;
  readonly maxRetries: number;
  readonly dlqId?: string;
  readonly sourceMessageId: string;
  readonly sourceHeader: Record<string, string[]>;
  readonly sourceBody: string;
  readonly notBefore: number;
  readonly createdAt: number;
  readonly endpointName?: string;
}

function payloadOf(request: ReceivedRequest | undefined): Payload {
  return JSON.parse(request?.body.toString() ?? "null") as Payload;
}

function text(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}

/** Waits for so many requests at a path. */
async function arrivals(
  path: string,
  wanted: number,
  timeoutMs?: number,
): Promise<readonly ReceivedRequest[]> {
  const found = await until(async () => {
    const requests = receiver.requests.filter(({ url }) => url === path);
    return requests.length >= wanted && requests;
  }, timeoutMs);
  expect(found).toHaveLength(wanted);
  return found;
}

async function newTenant(plan: string): Promise<{ id: string; client: Client }> {
  const { body } = await asOperator(node, "POST", "/tenants", { name: "told", plan });
  return { id: body.id as string, client: officialClient(node.url, body.token as string) };
}

async function statesOf(messageId: string): Promise<readonly string[]> {
  const { events } = await client.events({ filter: { messageId } });
  return events.map(({ state }) => state).toReversed();
}

/** Ids of everything that was ever published to a path, delivered or not. */
async function messagesTo(path: string): Promise<readonly string[]> {
  const { events } = await client.events({ filter: { url: receiver.url + path } });
  return [...new Set(events.map(({ messageId }) => messageId))];
}

const settled = (messageId: string, state: "DELIVERED" | "FAILED") =>
  until(async () => (await statesOf(messageId)).includes(state));

const deadLettersOf = async (messageId: string) =>
  (await client.dlq.listMessages({ filter: { messageId } })).messages;

describe("02 §5 callbacks", () => {
  test("a delivery is told to the callback URL, signed, with the answer and the message", async () => {
    receiver.reply("/work", () => ({ status: 201, headers: { "X-Done": "yes" }, body: "made it" }));
    const { messageId } = await client.publish({
      url: `${receiver.url}/work?a=1`,
      method: "PUT",
      body: "do it",
      retries: 4,
      headers: { "X-Mine": "kept" },
      callback: `${receiver.url}/callback?of=work`,
      failureCallback: `${receiver.url}/failure`,
    });
    const [request] = await arrivals("/callback?of=work", 1);
    expect(request?.method).toBe("POST");
    expect(request?.headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "Upstash-QStash",
      "upstash-retried": "0",
      "upstash-caller-ip": "127.0.0.1",
    });
    expect(request?.headers["upstash-message-id"]).not.toBe(messageId);
    expect(request?.headers).not.toHaveProperty("x-mine");
    await expect(
      officialReceiver().verify({
        signature: String(request?.headers["upstash-signature"]),
        body: request?.body.toString() ?? "",
        url: `${receiver.url}/callback?of=work`,
      }),
    ).resolves.toBe(true);

    const payload = payloadOf(request);
    expect(payload).toMatchObject({
      status: 201,
      retried: 0,
      maxRetries: 4,
      sourceMessageId: messageId,
      url: `${receiver.url}/work?a=1`,
      method: "PUT",
      sourceHeader: { "X-Mine": ["kept"] },
      callerIP: "127.0.0.1",
    });
    expect(payload.header["X-Done"]).toEqual(["yes"]);
    expect(text(payload.body)).toBe("made it");
    expect(text(payload.sourceBody)).toBe("do it");
    expect(payload.notBefore).toBeGreaterThanOrEqual(payload.createdAt);
    expect(payload).not.toHaveProperty("dlqId");

    await settled(String(request?.headers["upstash-message-id"]), "DELIVERED");
    expect(await messagesTo("/failure")).toEqual([]);
  });

  test("each failing attempt is told, and the end by a failure callback that names the dead letter", async () => {
    receiver.reply("/work", ({ headers }) => ({
      status: 500 + Number(headers["upstash-retried"]),
      body: `no ${String(headers["upstash-retried"])}`,
    }));
    const { messageId } = await client.publish({
      url: `${receiver.url}/work`,
      body: "do it",
      retries: 2,
      retryDelay: "50",
      callback: `${receiver.url}/callback`,
      failureCallback: `${receiver.url}/failure`,
    });
    const [failure] = (await arrivals("/failure", 1)).map(payloadOf);
    const told = (await arrivals("/callback", 3)).map(payloadOf);
    expect(
      new Set(told.map(({ retried, status, body }) => `${retried} ${status} ${text(body)}`)),
    ).toEqual(new Set(["0 500 no 0", "1 501 no 1", "2 502 no 2"]));
    expect(await messagesTo("/failure")).toHaveLength(1);
    for (const payload of told) {
      expect(payload).toMatchObject({ maxRetries: 2, sourceMessageId: messageId });
      expect(payload).not.toHaveProperty("dlqId");
    }
    const [letter] = await deadLettersOf(messageId);
    expect(failure).toMatchObject({
      status: 502,
      retried: 2,
      maxRetries: 2,
      sourceMessageId: messageId,
      dlqId: letter?.dlqId,
    });
    const found = await fetch(`${node.url}/v2/dlq/${failure?.dlqId}`, {
      headers: { authorization: `Bearer ${DEVELOPMENT.token}` },
    });
    await expect(found.json()).resolves.toMatchObject({
      messageId,
      callback: `${receiver.url}/callback`,
      failureCallback: `${receiver.url}/failure`,
    });
  });

  test("07 Q24 an attempt without an answer is told with status 0 and the error", async () => {
    receiver.reply("/work", () => "reset");
    await client.publish({
      url: `${receiver.url}/work`,
      retries: 0,
      callback: `${receiver.url}/callback`,
    });
    const [payload] = (await arrivals("/callback", 1)).map(payloadOf);
    expect(payload).toMatchObject({ status: 0, header: {} });
    expect(text(payload?.body ?? "")).toContain("connection was closed");
  });

  test.each([
    ["free", 1024 * 1024],
    ["pay-as-you-go", 10 * 1024 * 1024],
  ])("a long answer is told up to the message size of the plan %s", async (plan, planBytes) => {
    const { client: to } = await newTenant(plan);
    receiver.reply("/work", () => ({ status: 500, body: Buffer.alloc(11_000_000, "x") }));
    const { messageId } = await to.publish({
      url: `${receiver.url}/work`,
      retries: 0,
      callback: `${receiver.url}/callback`,
    });
    const [payload] = (await arrivals("/callback", 1)).map(payloadOf);
    expect(text(payload?.body ?? "")).toHaveLength(planBytes);
    const { messages } = await to.dlq.listMessages({ filter: { messageId } });
    expect(messages[0]?.responseBody).toHaveLength(128 * 1024);
  });

  test("a change of the plan holds for callbacks that are made after it", async () => {
    const { id, client: to } = await newTenant("pay-as-you-go");
    receiver.reply("/work", () => ({ status: 200, body: Buffer.alloc(300_000, "x") }));
    let told = 0;
    const toldBytes = async () => {
      await to.publish({ url: `${receiver.url}/work`, callback: `${receiver.url}/callback` });
      told += 1;
      const payload = payloadOf((await arrivals("/callback", told)).at(-1));
      return text(payload.body).length;
    };
    expect(await toldBytes()).toBe(300_000);
    const limits = { messageBytes: 200_000 };
    await asOperator(node, "PUT", `/tenants/${id}/plan`, { plan: "pay-as-you-go", limits });
    await until(async () => (await toldBytes()) === 200_000);
  });

  test(
    "many long answers at once are all told whole",
    async () => {
      const answers = 8;
      receiver.reply("/work", ({ body }) => ({
        status: 200,
        body: Buffer.alloc(9_000_000, body.toString()),
      }));
      await client.batch(
        Array.from({ length: answers }, (_, index) => ({
          url: `${receiver.url}/work`,
          body: String.fromCodePoint(97 + index),
          callback: `${receiver.url}/callback`,
        })),
      );
      const told = (await arrivals("/callback", answers, MANY_MS)).map(payloadOf);
      const letters = told.map(({ body, sourceBody }) => {
        const [answer, letter] = [Buffer.from(body, "base64"), text(sourceBody)];
        expect(answer.equals(Buffer.alloc(9_000_000, letter))).toBe(true);
        return letter;
      });
      expect(new Set(letters).size).toBe(answers);
    },
    MANY_MS,
  );

  test("07 Q40 a dead letter that is retried and fails again brings another failure callback", async () => {
    receiver.reply("/work", () => ({ status: 500 }));
    const { messageId } = await client.publish({
      url: `${receiver.url}/work`,
      retries: 0,
      failureCallback: `${receiver.url}/failure`,
    });
    await arrivals("/failure", 1);
    const [letter] = await deadLettersOf(messageId);
    const { responses } = await client.dlq.retry(letter?.dlqId ?? "");
    const payloads = (await arrivals("/failure", 2)).map(payloadOf);
    expect(payloads.map(({ sourceMessageId }) => sourceMessageId)).toEqual([
      messageId,
      responses[0]?.messageId,
    ]);
    expect(payloads[1]?.dlqId).not.toBe(payloads[0]?.dlqId);
  });
});

describe("01 §3 Upstash-Callback-*", () => {
  test("a callback has a method, headers, a label and a delay of its own", async () => {
    const { messageId } = await client.publish({
      url: `${receiver.url}/work`,
      headers: {
        "Upstash-Callback-Method": "PATCH",
        "Upstash-Callback-Forward-X-Token": "secret",
        "Upstash-Callback-Forward-Content-Type": "text/plain",
        "Upstash-Callback-Label": "told",
        "Upstash-Callback-Delay": "1s",
        "X-Token": "of the message",
      },
      callback: `${receiver.url}/callback`,
    });
    const [work] = await arrivals("/work", 1);
    expect(work?.headers["x-token"]).toBe("of the message");
    const [callback] = await arrivals("/callback", 1);
    expect(callback?.method).toBe("PATCH");
    expect(callback?.headers).toMatchObject({
      "x-token": "secret",
      "content-type": "application/json",
      "upstash-label": "told",
    });
    const waitMs = (callback?.arrivedAt ?? 0) - (work?.arrivedAt ?? 0);
    expect(waitMs).toBeGreaterThanOrEqual(1_000);
    expect(waitMs).toBeLessThan(1_500);
    expect(payloadOf(callback).sourceMessageId).toBe(messageId);
  });

  test("a message that waits shows its callbacks and what they forward", async () => {
    const { messageId } = await client.publish({
      url: `${receiver.url}/work`,
      delay: 3600,
      callback: `${receiver.url}/callback`,
      failureCallback: `${receiver.url}/failure`,
      headers: {
        "Upstash-Callback-Forward-X-A": "1",
        "Upstash-Failure-Callback-Forward-X-B": "2",
      },
    });
    await expect(client.messages.get(messageId)).resolves.toMatchObject({
      callback: `${receiver.url}/callback`,
      failureCallback: `${receiver.url}/failure`,
      callbackHeader: { "X-A": ["1"] },
      failureCallbackHeader: { "X-B": ["2"] },
    });
  });

  test("what the publisher hides of a message is not shown as the body of its callback", async () => {
    await client.publish({
      url: `${receiver.url}/work`,
      body: "s3cret",
      redact: { body: true },
      callback: `${receiver.url}/callback`,
    });
    const [request] = await arrivals("/callback", 1);
    expect(text(payloadOf(request).sourceBody)).toBe("s3cret");
    const id = String(request?.headers["upstash-message-id"]);
    await settled(id, "DELIVERED");
    const { events } = await client.events({ filter: { messageId: id } });
    for (const { body } of events) expect(text(body ?? "")).toMatch(/^REDACTED:/);
  });
});

describe("02 §5 a callback is a message of its own", () => {
  test("it is retried by its own rules, found in the log, and dead-lettered", async () => {
    receiver.reply("/callback", () => ({ status: 418, body: "not today" }));
    const { messageId } = await client.publish({
      url: `${receiver.url}/work`,
      retries: 0,
      callback: `${receiver.url}/callback`,
      headers: { "Upstash-Callback-Retries": "2", "Upstash-Callback-Retry-Delay": "50" },
    });
    const attempts = await arrivals("/callback", 3);
    expect(attempts.map(({ headers }) => headers["upstash-retried"])).toEqual(["0", "1", "2"]);
    const ids = new Set(attempts.map(({ headers }) => String(headers["upstash-message-id"])));
    expect(ids.size).toBe(1);
    const [callbackId = ""] = ids;
    await settled(callbackId, "FAILED");
    expect((await statesOf(callbackId)).join(" ")).toBe(
      "CREATED ACTIVE ERROR RETRY ACTIVE ERROR RETRY ACTIVE ERROR FAILED",
    );
    const [letter] = await deadLettersOf(callbackId);
    expect(letter).toMatchObject({
      messageId: callbackId,
      url: `${receiver.url}/callback`,
      maxRetries: 2,
      responseStatus: 418,
    });
    expect(JSON.parse(letter?.body ?? "null")).toMatchObject({ sourceMessageId: messageId });
    expect(await statesOf(messageId)).toEqual(["CREATED", "ACTIVE", "DELIVERED"]);
    expect(await deadLettersOf(messageId)).toEqual([]);
  });

  test("without retries of its own it has as many as the message", async () => {
    receiver.reply("/callback", () => ({ status: 500 }));
    await client.publish({
      url: `${receiver.url}/work`,
      retries: 1,
      callback: `${receiver.url}/callback`,
      headers: { "Upstash-Callback-Retry-Delay": "20" },
    });
    const [first] = await arrivals("/callback", 2);
    const callbackId = String(first?.headers["upstash-message-id"]);
    await settled(callbackId, "FAILED");
    expect(await deadLettersOf(callbackId)).toMatchObject([{ maxRetries: 1 }]);
    await arrivals("/callback", 2);
  });

  test("07 Q44 when it fails for good, its own failure callback tells so, and that is the end", async () => {
    receiver.reply("/callback", () => ({ status: 500, body: "broken" }));
    receiver.reply("/nested", () => ({ status: 500 }));
    await client.publish({
      url: `${receiver.url}/work`,
      body: "original",
      callback: `${receiver.url}/callback`,
      headers: {
        "Upstash-Callback-Retries": "0",
        "Upstash-Callback-Failure-Callback": `${receiver.url}/nested`,
        "Upstash-Callback-Failure-Callback-Forward-X-Nested": "yes",
        "Upstash-Callback-Failure-Callback-Failure-Callback": `${receiver.url}/too-deep`,
      },
    });
    const [callback] = await arrivals("/callback", 1);
    const [nested] = await arrivals("/nested", 1);
    expect(nested?.headers["x-nested"]).toBe("yes");
    const payload = payloadOf(nested);
    expect(payload).toMatchObject({
      status: 500,
      url: `${receiver.url}/callback`,
      sourceMessageId: callback?.headers["upstash-message-id"],
      sourceHeader: { "Content-Type": ["application/json"] },
    });
    expect(text(payload.sourceBody)).toBe(callback?.body.toString());
    await settled(String(nested?.headers["upstash-message-id"]), "FAILED");
    expect(await messagesTo("/too-deep")).toEqual([]);
    expect(receiver.requests.map(({ url }) => url)).toEqual(["/work", "/callback", "/nested"]);
  });
});

describe("02 §7 callbacks of a queue", () => {
  test("the next message starts when the callbacks of the one before are done, retries and all", async () => {
    receiver.reply("/callback", ({ headers }) => ({
      status: headers["upstash-retried"] === "0" ? 500 : 200,
    }));
    const queue = client.queue({ queueName: "told-in-order" });
    const headers = { "Upstash-Callback-Retry-Delay": "300" };
    const told = { callback: `${receiver.url}/callback`, headers };
    await queue.enqueue({ url: `${receiver.url}/first`, ...told });
    await queue.enqueue({ url: `${receiver.url}/second` });
    await arrivals("/second", 1);
    expect(receiver.requests.map(({ url }) => url)).toEqual([
      "/first",
      "/callback",
      "/callback",
      "/second",
    ]);
  });
});

describe("07 Q42 callbacks of a topic", () => {
  test("each endpoint's message brings its own, and it names topic and endpoint", async () => {
    await client.urlGroups.addEndpoints({
      name: "told",
      endpoints: [
        { url: `${receiver.url}/one`, name: "one" },
        { url: `${receiver.url}/two`, name: "two" },
      ],
    });
    const published = await client.publish({
      urlGroup: "told",
      body: "to all",
      callback: `${receiver.url}/callback`,
    });
    const payloads = (await arrivals("/callback", 2)).map(payloadOf);
    const byEndpoint = Map.groupBy(payloads, ({ endpointName }) => endpointName);
    for (const [index, name] of ["one", "two"].entries()) {
      expect(byEndpoint.get(name)).toMatchObject([
        {
          topicName: "told",
          url: `${receiver.url}/${name}`,
          sourceMessageId: published[index]?.messageId,
        },
      ]);
    }
  });
});
