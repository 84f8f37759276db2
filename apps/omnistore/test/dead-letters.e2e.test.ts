import { until } from "@omnistore/testkit/until";
import { beforeEach, describe, expect, test } from "vitest";

import { world } from "./world.ts";

const there = world();
beforeEach(() => there.receiver.reply(() => ({ status: 500, body: "no" })));

/** So many messages that nobody took; their entries, newest first. */
async function bury(count: number, over: object = {}) {
  const published = await there.tenant.client.batch(
    Array.from({ length: count }, (_, index) => ({
      url: there.receiver.url,
      body: String(index),
      retries: 0,
      ...over,
    })),
  );
  const ids = new Set(published.flatMap((one) => one).map(({ messageId }) => messageId));
  return until(async () => {
    const { messages } = await there.tenant.client.dlq.listMessages();
    const mine = messages.filter(({ messageId }) => ids.has(messageId));
    return mine.length === count && mine;
  });
}

function isCallback({ url }: { url: string }): boolean {
  return url === "/failed";
}

async function entries() {
  return (await there.tenant.client.dlq.listMessages()).messages;
}

describe("03 §5 delete by the official SDK", () => {
  test("one entry, once", async () => {
    const [entry] = await bury(1);
    const { dlq } = there.tenant.client;
    await expect(dlq.delete(entry?.dlqId ?? "")).resolves.toEqual({ deleted: 1 });
    await expect(dlq.delete(entry?.dlqId ?? "")).rejects.toMatchObject({ status: 404 });
    expect(await entries()).toEqual([]);
  });

  test("several by id, in every form; ids that are not there are passed over", async () => {
    const ids = (await bury(5)).map(({ dlqId }) => dlqId);
    const { dlq } = there.tenant.client;
    await expect(dlq.delete(ids.slice(0, 1))).resolves.toEqual({ deleted: 1 });
    await expect(dlq.delete({ dlqIds: ids.slice(0, 2) })).resolves.toEqual({ deleted: 1 });
    await expect(dlq.deleteMany({ dlqIds: ids.slice(2, 3) })).resolves.toEqual({ deleted: 1 });
    // The Python client names them in the body alone.
    const answer = await there.tenant.request("DELETE", "/v2/dlq", { dlqIds: [ids[3], "1-1"] });
    await expect(answer.json()).resolves.toEqual({ deleted: 1 });
    expect((await entries()).map(({ dlqId }) => dlqId)).toEqual([ids[4]]);
  });

  test("by filter, and everything, a page at a time until there is no cursor", async () => {
    await bury(3, { label: "red" });
    const [plain] = await bury(1);
    const { dlq } = there.tenant.client;
    await expect(dlq.delete({ filter: { label: "none" } })).resolves.toEqual({ deleted: 0 });
    const first = await dlq.delete({ filter: { label: "red" }, count: 2 });
    expect(first).toEqual({ deleted: 2, cursor: expect.any(String) as string });
    const last = await dlq.delete({ filter: { label: "red" }, ...first });
    expect(last.deleted).toBe(1);
    expect(last.cursor).toBeUndefined();
    expect((await entries()).map(({ dlqId }) => dlqId)).toEqual([plain?.dlqId]);
    await expect(dlq.delete({ all: true })).resolves.toEqual({ deleted: 1 });
  });

  test("what is not understood is 400 and deletes nothing", async () => {
    const [entry] = await bury(1);
    for (const query of ["?labels=x", "?label=", "?host=h", "/", "?cursor=mine", "?dlqIds="]) {
      expect((await there.tenant.request("DELETE", `/v2/dlq${query}`)).status, query).toBe(400);
    }
    for (const body of [{}, { dlqIds: [] }, { ids: ["x"] }]) {
      expect((await there.tenant.request("DELETE", "/v2/dlq", body)).status).toBe(400);
    }
    expect((await entries()).map(({ dlqId }) => dlqId)).toEqual([entry?.dlqId]);
  });
});

describe("03 §5 retry by the official SDK", () => {
  test("arrives again under a new id, with body, headers and labels, and leaves the queue", async () => {
    const [entry] = await bury(1, {
      method: "PUT",
      body: "lost and found",
      headers: { "X-Mine": "kept", "Content-Type": "text/odd" },
      label: "red",
      redact: { body: true },
    });
    there.receiver.reply(() => ({ status: 200 }));
    const { responses, cursor } = await there.tenant.client.dlq.retry(entry?.dlqId ?? "");
    expect(cursor).toBeUndefined();
    const [retried] = responses;
    expect(retried?.messageId).not.toBe(entry?.messageId);
    const arrived = await there.receiver.waitFor(
      ({ headers }) => headers["upstash-message-id"] === retried?.messageId,
    );
    expect(arrived).toMatchObject([
      {
        method: "PUT",
        headers: { "x-mine": "kept", "content-type": "text/odd", "upstash-retried": "0" },
      },
    ]);
    expect(arrived[0]?.body.toString()).toBe("lost and found");
    expect(await entries()).toEqual([]);
    const { logs } = await there.tenant.client.logs({ filter: { label: "red" } });
    expect(new Set(logs.map(({ messageId }) => messageId)).size).toBe(2);
    await expect(there.tenant.client.dlq.retry(entry?.dlqId ?? "")).rejects.toMatchObject({
      status: 404,
    });
  });

  test("one entry on its own route: 201 and the id, with headers that say something anew", async () => {
    const [entry] = await bury(1, { retries: 1, retryDelay: "1", headers: { "X-Mine": "kept" } });
    const path = `/v2/dlq/retry/${entry?.dlqId}`;
    const answer = await there.tenant.request("POST", path, undefined, {
      "Upstash-Retries": "0",
      "Upstash-Forward-X-Again": "yes",
    });
    expect(answer.status).toBe(201);
    const { messageId } = (await answer.json()) as { messageId: string };
    const dead = await until(async () =>
      (await entries()).find((again) => again.messageId === messageId),
    );
    expect(dead).toMatchObject({
      maxRetries: 0,
      header: { "X-Mine": ["kept"], "X-Again": ["yes"] },
    });
    const attempts = there.receiver.requests.filter(
      ({ headers }) => headers["upstash-message-id"] === messageId,
    );
    expect(attempts).toHaveLength(1);
    expect((await there.tenant.request("POST", path)).status).toBe(404);
  });

  test("several by id: all or none", async () => {
    const ids = (await bury(3)).map(({ dlqId }) => dlqId);
    const { dlq } = there.tenant.client;
    const sentSoFar = there.receiver.requests.length;
    await expect(dlq.retry([...ids.slice(0, 2), "1-1"])).rejects.toMatchObject({ status: 404 });
    const gone = ids[0]?.replace(/.{6}$/, "ffffff") ?? "";
    await expect(dlq.retry([ids[0] ?? "", gone])).rejects.toMatchObject({ status: 404 });
    expect(await entries()).toHaveLength(3);
    expect(there.receiver.requests).toHaveLength(sentSoFar);

    there.receiver.reply(() => ({ status: 200 }));
    expect((await dlq.retry(ids.slice(0, 1))).responses).toHaveLength(1);
    const { responses } = await dlq.retry({ dlqIds: ids.slice(1) });
    expect(new Set(responses.map(({ messageId }) => messageId)).size).toBe(2);
    expect(await entries()).toEqual([]);
    await there.receiver.waitFor(sentSoFar + 3);
  });

  test("by filter, and everything, a page at a time until there is no cursor", async () => {
    await bury(3, { flowControl: { key: "k", parallelism: 3 } });
    await bury(1);
    there.receiver.reply(() => ({ status: 200 }));
    const { dlq } = there.tenant.client;
    await expect(dlq.retry({ filter: { flowControlKey: "none" } })).resolves.toMatchObject({
      responses: [],
    });
    const first = await dlq.retry({ filter: { flowControlKey: "k" }, count: 2 });
    expect(first.responses).toHaveLength(2);
    const last = await dlq.retry({
      filter: { flowControlKey: "k" },
      cursor: first.cursor ?? "",
    });
    expect(last.responses).toHaveLength(1);
    expect(last.cursor).toBeUndefined();
    expect((await dlq.retry({ all: true })).responses).toHaveLength(1);
    expect(await entries()).toEqual([]);
  });

  test("07 Q40 that fails again is a new failure: a new entry and a new callback", async () => {
    there.receiver.reply("/failed", () => ({ status: 200 }));
    const [entry] = await bury(1, { failureCallback: `${there.receiver.url}/failed` });
    await there.receiver.waitFor(isCallback);
    const { responses } = await there.tenant.client.dlq.retry(entry?.dlqId ?? "");
    const again = await until(async () =>
      (await entries()).find(({ messageId }) => messageId === responses[0]?.messageId),
    );
    expect(again.dlqId).not.toBe(entry?.dlqId);
    const calls = await until(async () => {
      const found = there.receiver.requests.filter(isCallback);
      return found.length === 2 && found;
    });
    const told = calls.map(({ body }) => JSON.parse(body.toString()) as { dlqId: string });
    expect(told.map(({ dlqId }) => dlqId)).toEqual([entry?.dlqId, again.dlqId]);
  });
});

describe("03 §5 list by the official SDK", () => {
  test("by every filter, newest first or oldest first, a page at a time", async () => {
    const { client } = there.tenant;
    await client.urlGroups.addEndpoints({
      name: "group",
      endpoints: [{ url: `${there.receiver.url}/group`, name: "end" }],
    });
    const [inGroup] = await bury(1, { urlGroup: "group", url: undefined });
    const [queued] = await bury(1, {
      queueName: "queue",
      url: `${there.receiver.url}/?a=1`,
      label: "red",
      flowControl: { key: "key", rate: 9, period: "2s", parallelism: 4 },
    });
    there.receiver.reply(() => ({ status: 418 }));
    const [teapot] = await bury(1);
    const { dlq } = client;
    const find = async (filter: object) =>
      (await dlq.listMessages({ filter })).messages.map(({ dlqId }) => dlqId);
    const ofQueue = [queued?.dlqId];
    expect(await find({ queueName: ["none", "queue"] })).toEqual(ofQueue);
    expect(await find({ flowControlKey: "key" })).toEqual(ofQueue);
    expect(await find({ label: "red", url: `${there.receiver.url}/?a=1` })).toEqual(ofQueue);
    expect(await find({ messageId: queued?.messageId })).toEqual(ofQueue);
    expect(await find({ urlGroup: "group" })).toEqual([inGroup?.dlqId]);
    expect(await find({ responseStatus: 418 })).toEqual([teapot?.dlqId]);
    expect(await find({ responseStatus: 999 })).toEqual([]);
    expect(await find({ callerIp: "127.0.0.1" })).toHaveLength(3);
    const died = Number(queued?.dlqId.split("-")[0]);
    expect(await find({ fromDate: died, toDate: new Date(died) })).toEqual(ofQueue);
    expect((await dlq.listMessages({ dlqIds: [teapot?.dlqId ?? ""] })).messages).toHaveLength(1);
    expect(queued).toMatchObject({
      queueName: "queue",
      flowControlKey: "key",
      parallelism: 4,
      rate: 9,
      period: 2,
    });
    expect(inGroup).toMatchObject({ topicName: "group", endpointName: "end" });

    const newestFirst = [teapot?.dlqId, queued?.dlqId, inGroup?.dlqId];
    expect((await entries()).map(({ dlqId }) => dlqId)).toEqual(newestFirst);
    const first = await dlq.listMessages({ count: 2 });
    const last = await dlq.listMessages({
      count: 2,
      ...(first.cursor && { cursor: first.cursor }),
    });
    expect([...first.messages, ...last.messages].map(({ dlqId }) => dlqId)).toEqual(newestFirst);
    expect(last.cursor).toBeUndefined();
    const answer = await there.tenant.request("GET", "/v2/dlq?order=earliestFirst&unknown=1");
    const { messages } = (await answer.json()) as { messages: { dlqId: string }[] };
    expect(messages.map(({ dlqId }) => dlqId)).toEqual(newestFirst.toReversed());
  });
});
