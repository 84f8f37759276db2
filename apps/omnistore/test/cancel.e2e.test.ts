import { until } from "@omnistore/testkit/until";
import { describe, expect, test } from "vitest";

import { createTenant } from "./tenant.ts";
import { world } from "./world.ts";

const there = world();

/** So many messages that wait for an hour. */
async function publish(count: number, over: object = {}): Promise<string[]> {
  const published = await there.tenant.client.batch(
    Array.from({ length: count }, () => ({ url: there.receiver.url, delay: 3600, ...over })),
  );
  return published.flatMap((one) => one).map(({ messageId }) => messageId);
}

async function waiting(ids: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(
    ids.map(async (id) => (await there.tenant.request("GET", `/v2/messages/${id}`)).status),
  );
  return ids.filter((_, index) => answers[index] === 200);
}

async function statesOf(messageId: string): Promise<string[]> {
  const { logs } = await there.tenant.client.logs({ filter: { messageId } });
  return logs.map(({ state }) => state).toReversed();
}

describe("03 §1 cancel by the official SDK", () => {
  test("one message, once: it is gone, and the log says that it was cancelled", async () => {
    const [id = "", other = ""] = await publish(2);
    await expect(there.tenant.client.messages.cancel(id)).resolves.toEqual({ cancelled: 1 });
    await expect(there.tenant.client.messages.cancel(id)).rejects.toMatchObject({ status: 404 });
    expect(await waiting([id, other])).toEqual([other]);
    expect(await statesOf(id)).toEqual(["CREATED", "CANCEL_REQUESTED", "CANCELED"]);
    const { logs } = await there.tenant.client.logs({ filter: { state: "CANCELED" } });
    expect(logs.map(({ messageId }) => messageId)).toEqual([id]);
    const spelled = await there.tenant.request("GET", "/v2/logs?state=CANCELLED");
    await expect(spelled.json()).resolves.toMatchObject({ logs: [{ messageId: id }] });
  });

  test("01 §5 a deduplication key outlives the message that was cancelled", async () => {
    const same = { url: there.receiver.url, body: "same" };
    const byId = { ...same, delay: 3600, deduplicationId: "once" };
    const byContent = { ...same, delay: 3600, contentBasedDeduplication: true };
    for (const message of [byId, byContent]) {
      const first = await there.tenant.client.publish(message);
      await there.tenant.client.messages.cancel(first.messageId);
      expect(await there.tenant.client.publish(message)).toEqual({ ...first, deduplicated: true });
      expect(await waiting([first.messageId])).toEqual([]);
    }
    const another = await there.tenant.client.publish({ ...byId, deduplicationId: "again" });
    expect(another).not.toHaveProperty("deduplicated");
  });

  test("several by id; ids that are not there are passed over", async () => {
    const ids = await publish(5);
    const { messages } = there.tenant.client;
    await expect(messages.cancel(ids.slice(0, 2))).resolves.toEqual({ cancelled: 2 });
    await expect(messages.cancel(ids.slice(1, 3))).resolves.toEqual({ cancelled: 1 });
    await expect(messages.deleteMany(ids.slice(3, 4))).resolves.toBe(1);
    await expect(messages.cancel(["msg_nobody"])).resolves.toEqual({ cancelled: 0 });
    expect(await waiting(ids)).toEqual([ids[4]]);
    await messages.delete(ids[4] ?? "");
    expect(await waiting(ids)).toEqual([]);
  });

  test("by every filter, alone and together", async () => {
    const { client } = there.tenant;
    await client.urlGroups.addEndpoints({
      name: "group",
      endpoints: [{ url: `${there.receiver.url}/group` }],
    });
    const [plain = ""] = await publish(1);
    const { host } = new URL(there.receiver.url);
    const url = `${there.receiver.url}/filtered?a=1,2`;
    const cases = [
      [{ url }, { url }],
      [{ path: "/filtered", host }, { url }],
      [{ label: ["x", "red"] as string[] }, { label: "red" }],
      [{ flowControlKey: "key" }, { flowControl: { key: "key", parallelism: 1 } }],
      [{ callerIp: "127.0.0.1", label: "ip" }, { label: "ip" }],
      [{ queueName: "queue" }, { queueName: "queue" }],
      [{ urlGroup: "group" }, { urlGroup: "group", url: undefined }],
    ] as const;
    for (const [filter, over] of cases) {
      const ids = await publish(1, over);
      await expect(client.messages.cancel({ filter }), JSON.stringify(filter)).resolves.toEqual({
        cancelled: 1,
      });
      expect(await waiting([...ids, plain])).toEqual([plain]);
    }
    await expect(
      client.messages.cancel({ filter: { label: "red", host: "example.com" } }),
    ).resolves.toEqual({ cancelled: 0 });
  });

  test("by the time of acceptance, and no more than the count", async () => {
    const early = await publish(3);
    const message = await there.tenant.client.messages.get(early[2] ?? "");
    const toDate = message.createdAt;
    await until(async () => Date.now() > toDate + 5);
    const late = await publish(1);
    const { messages } = there.tenant.client;
    const filter = { toDate, fromDate: new Date(toDate - 60_000) };
    await expect(messages.cancel({ filter, count: 2 })).resolves.toEqual({ cancelled: 2 });
    await expect(messages.cancel({ filter })).resolves.toEqual({ cancelled: 1 });
    expect(await waiting([...early, ...late])).toEqual(late);
  });

  test("all of the tenant's messages and nobody else's", async () => {
    const other = await createTenant(there.node, "bystander");
    const { messageId } = await other.client.publish({ url: there.receiver.url, delay: 3600 });
    const ids = await publish(3);
    await expect(there.tenant.client.messages.cancel({ all: true })).resolves.toEqual({
      cancelled: 3,
    });
    expect(await waiting(ids)).toEqual([]);
    await expect(other.client.messages.get(messageId)).resolves.toMatchObject({ messageId });
    await publish(2);
    await expect(there.tenant.client.messages.deleteAll()).resolves.toBe(2);
  });
});

describe("03 §1 cancel by the Python client", () => {
  test("ids come in the body alone: nothing else is cancelled", async () => {
    const ids = await publish(3);
    const answer = await there.tenant.request("DELETE", "/v2/messages", {
      messageIds: ids.slice(0, 2),
    });
    expect(answer.status).toBe(200);
    await expect(answer.json()).resolves.toEqual({ cancelled: 2 });
    expect(await waiting(ids)).toEqual(ids.slice(2));
  });

  test("neither query nor body means everything, however many there are", async () => {
    const ids = await publish(620);
    const answer = await there.tenant.request("DELETE", "/v2/messages");
    await expect(answer.json()).resolves.toEqual({ cancelled: ids.length });
  });
});

test("07 Q35 what is not understood is 400 and cancels nothing", async () => {
  const ids = await publish(2);
  const refused: readonly (readonly [string, unknown?])[] = [
    ["/v2/messages/"],
    ["/v2/messages?lable=x"],
    ["/v2/messages?label="],
    ["/v2/messages?messageIds="],
    ["/v2/messages?count=0"],
    ["/v2/messages", {}],
    ["/v2/messages", { messageIds: [] }],
    ["/v2/messages", { message_ids: ids }],
  ];
  for (const [path, body] of refused) {
    const answer = await there.tenant.request("DELETE", path, body);
    expect(answer.status, path).toBe(400);
    await expect(answer.json()).resolves.toEqual({ error: expect.any(String) as string });
  }
  expect(await waiting(ids)).toEqual(ids);
});

test("02 §4 an attempt under way may arrive, and is the last one", async () => {
  there.receiver.reply(() => ({ status: 500, delayMs: 300 }));
  const { messageId } = await there.tenant.client.publish({
    url: there.receiver.url,
    retries: 5,
    retryDelay: "50",
  });
  await there.receiver.waitFor(1);
  await expect(there.tenant.client.messages.cancel(messageId)).resolves.toEqual({ cancelled: 1 });
  // Another message behind it shows that the retry would have come by now.
  there.receiver.reply("/after", () => ({ status: 200 }));
  await there.tenant.client.publish({ url: `${there.receiver.url}/after`, delay: 1 });
  await there.receiver.waitFor(({ url }) => url === "/after");
  expect(there.receiver.requests.filter(({ url }) => url !== "/after")).toHaveLength(1);
  expect(await statesOf(messageId)).toEqual(["CREATED", "ACTIVE", "CANCEL_REQUESTED", "CANCELED"]);
});

test("02 §7 the next message of a queue starts when the one before it is cancelled", async () => {
  there.receiver.reply("/first", () => "hang");
  const queue = there.tenant.client.queue({ queueName: "line" });
  const first = await queue.enqueue({ url: `${there.receiver.url}/first` });
  await queue.enqueue({ url: `${there.receiver.url}/second` });
  await there.receiver.waitFor(({ url }) => url === "/first");
  expect(there.receiver.requests).toHaveLength(1);
  await there.tenant.client.messages.cancel(first.messageId);
  await there.receiver.waitFor(({ url }) => url === "/second", { timeoutMs: 2_000 });
  expect(there.receiver.requests).toHaveLength(2);
});
