import { readFileSync } from "node:fs";

import { startReceiver, type ReceivedRequest } from "@omnistore/testkit/receiver";
import type { Receiver as HttpReceiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import { Receiver, resend, upstash, type Client } from "@upstash/qstash";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { mentionOfMethod, sdkMethods } from "./sdk-surface.ts";
import { readTests } from "./compatibility/written-tests.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN, createTenant, type TestTenant } from "./tenant.ts";

let node: RunningNode;
let database: pg.Client;
let receiver: HttpReceiver;
let tenant: TestTenant;
let client: Client;

beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  database = new pg.Client({ connectionString: node.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await node.stop();
});
beforeEach(async () => {
  receiver = await startReceiver();
  tenant = await createTenant(node, "uses every method");
  client = tenant.client;
});
afterEach(() => receiver.close());

const HOUR_S = 3_600;
const notFound = { name: "QstashError", status: 404 };

const bodies = () => receiver.requests.map(({ body }) => String(body));
const idOf = (request: ReceivedRequest | undefined) => request?.headers["upstash-message-id"];

const queue = (queueName = "line") => client.queue({ queueName });
const endpoint = (path: string) => ({ url: receiver.url + path });
const verifier = (currentSigningKey: string, nextSigningKey: string) =>
  new Receiver({ currentSigningKey, nextSigningKey });

function addToGroup(...paths: string[]): Promise<void> {
  return client.urlGroups.addEndpoints({ name: "group", endpoints: paths.map(endpoint) });
}

async function pathsOfGroup(): Promise<string[]> {
  const { endpoints } = await client.urlGroups.get("group");
  return endpoints.map(({ url }) => new URL(url).pathname);
}

/** A message that waits an hour. */
async function waiting(over: object = {}): Promise<string> {
  const { messageId } = await client.publish({ url: receiver.url, delay: HOUR_S, ...over });
  return messageId;
}

async function isGone(messageId: string): Promise<void> {
  await expect(client.messages.get(messageId)).rejects.toMatchObject(notFound);
}

/** So many messages that the receiver refused; their dead letters, newest first. */
async function bury(count: number) {
  receiver.reply(() => ({ status: 500, headers: { "X-Why": "broken" }, body: "no" }));
  for (let index = 0; index < count; index += 1) {
    await client.publish({ url: receiver.url, body: String(index), retries: 0, label: "dead" });
  }
  const dead = await until(async () => {
    const { messages } = await client.dlq.listMessages();
    return messages.length === count && messages;
  });
  receiver.reply(() => ({ status: 200 }));
  return dead;
}

/** What is logged of a message, oldest first, once it was delivered. */
async function lifeOf(messageId: string) {
  return until(async () => {
    const { logs } = await client.logs({ filter: { messageId } });
    return logs.some(({ state }) => state === "DELIVERED") && logs.toReversed();
  });
}

test("05 §1 every public method of the installed SDK has a test in this file", () => {
  const self = new URL(import.meta.url);
  const tests = readTests(self.pathname, readFileSync(self, "utf8"));
  const titles = tests.map((each) => each.titles.join(" ")).join("\n");
  const untested = sdkMethods().filter((method) => !mentionOfMethod(method).test(titles));
  expect(untested).toEqual([]);
  expect(sdkMethods().length).toBeGreaterThan(40);
});

describe("05 §1 publishing", () => {
  test("client.publish sends a body as it is, with every setting: POST /v2/publish/{destination}", async () => {
    receiver.reply("/raw", ({ headers }) => ({
      status: headers["upstash-retried"] === "0" ? 500 : 200,
    }));
    const request = {
      url: `${receiver.url}/raw?a=%20b`,
      body: "\u0000 bytes\n",
      method: "PUT" as const,
      headers: { "Content-Type": "text/x-mine", "X-Mine": "kept" },
      retries: 1,
      retryDelay: "10",
      timeout: 5,
      label: ["first", "second"],
      deduplicationId: "only-once",
    };
    const { messageId } = await client.publish(request);
    const [first, second] = await receiver.waitFor(2);
    expect(first).toMatchObject({ method: "PUT", url: "/raw?a=%20b" });
    expect(String(first?.body)).toBe("\u0000 bytes\n");
    expect(first?.headers).toMatchObject({ "content-type": "text/x-mine", "x-mine": "kept" });
    expect([idOf(first), idOf(second)]).toEqual([messageId, messageId]);
    expect(second?.headers["upstash-retried"]).toBe("1");
    expect(await client.publish(request)).toEqual({ messageId, deduplicated: true });
    const [created] = await lifeOf(messageId);
    expect(created).toMatchObject({ label: "first", labels: ["first", "second"] });
    expect(receiver.requests).toHaveLength(2);
  });

  test("client.publishJSON sends JSON to a URL, a group or an e-mail service: POST /v2/publish/{destination}", async () => {
    await client.publishJSON({ url: `${receiver.url}/json`, body: { hello: "wörld" } });
    const [json] = await receiver.waitFor(1);
    expect(json?.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(String(json?.body))).toEqual({ hello: "wörld" });

    const endpoints = [{ url: `${receiver.url}/one` }, { url: `${receiver.url}/two` }];
    await client.urlGroups.addEndpoints({ name: "pair", endpoints });
    const toGroup = await client.publishJSON({ urlGroup: "pair", body: [1] });
    expect(toGroup.map(({ url }) => url)).toEqual(endpoints.map(({ url }) => url));
    await receiver.waitFor(3);
    expect(bodies().slice(1)).toEqual(["[1]", "[1]"]);

    const { messageId } = await client.publishJSON({
      api: { name: "email", provider: resend({ token: "re_1" }) },
      body: { subject: "later" },
      delay: HOUR_S,
    });
    await expect(client.messages.get(messageId)).resolves.toMatchObject({
      url: "https://api.resend.com/emails",
      header: { Authorization: ["Bearer re_1"], "Content-Type": ["application/json"] },
      body: '{"subject":"later"}',
    });
  });

  test("client.batch mixes URLs, groups and queues, answered in order: POST /v2/batch", async () => {
    await client.urlGroups.addEndpoints({
      name: "single",
      endpoints: [{ url: `${receiver.url}/group`, name: "end" }],
    });
    const [plain, inGroup, queued] = await client.batch([
      { url: `${receiver.url}/plain`, body: "a", headers: { "X-Mine": "kept" } },
      { urlGroup: "single", body: "b" },
      { url: `${receiver.url}/queued`, body: "c", queueName: "q" },
    ]);
    await receiver.waitFor(3);
    const received = Object.fromEntries(receiver.requests.map((each) => [each.url, each]));
    expect(plain).toEqual({ messageId: idOf(received["/plain"]) });
    expect(inGroup).toEqual([
      { messageId: idOf(received["/group"]), url: `${receiver.url}/group` },
    ]);
    expect(queued).toEqual({ messageId: idOf(received["/queued"]) });
    expect(received["/plain"]?.headers["x-mine"]).toBe("kept");
    expect(bodies().toSorted()).toEqual(["a", "b", "c"]);
    await expect(client.queue({ queueName: "q" }).get()).resolves.toMatchObject({ name: "q" });
  });

  test("client.batchJSON sends each body as JSON, and none where there is none: POST /v2/batch", async () => {
    const answers = await client.batchJSON([
      { url: `${receiver.url}/object`, body: { n: 1 } },
      { url: `${receiver.url}/none` },
    ]);
    expect(answers).toHaveLength(2);
    await receiver.waitFor(2);
    const received = Object.fromEntries(receiver.requests.map((each) => [each.url, each]));
    expect(String(received["/object"]?.body)).toBe('{"n":1}');
    expect(String(received["/none"]?.body)).toBe("");
    for (const { headers } of receiver.requests) {
      expect(headers["content-type"]).toBe("application/json");
    }
  });
});

describe("05 §1 queues", () => {
  test("client.queue().enqueue delivers one after the other: POST /v2/enqueue/{queue}/{destination}", async () => {
    receiver.reply(({ body }) => ({ status: 200, delayMs: String(body) === "0" ? 150 : 0 }));
    const { messageId } = await queue().enqueue({ url: receiver.url, body: "0" });
    await queue().enqueue({ url: receiver.url, body: "1" });
    const [first, second] = await receiver.waitFor(2);
    expect(bodies()).toEqual(["0", "1"]);
    expect(idOf(first)).toBe(messageId);
    expect((second?.arrivedAt ?? 0) - (first?.arrivedAt ?? 0)).toBeGreaterThanOrEqual(150);
  });

  test("client.queue().enqueueJSON makes the queue: POST /v2/enqueue/{queue}/{destination}", async () => {
    await queue("made").enqueueJSON({ url: receiver.url, body: { n: 1 } });
    const [request] = await receiver.waitFor(1);
    expect(request?.headers["content-type"]).toBe("application/json");
    expect(bodies()).toEqual(['{"n":1}']);
    await expect(queue("made").get()).resolves.toMatchObject({ name: "made", parallelism: 1 });
  });

  test("client.queue().upsert creates and changes a queue: POST /v2/queues", async () => {
    await queue().upsert({ parallelism: 2 });
    await expect(queue().get()).resolves.toMatchObject({ parallelism: 2, paused: false });
    await queue().upsert({ parallelism: 5, paused: true });
    await expect(queue().get()).resolves.toMatchObject({ parallelism: 5, paused: true });
    await expect(queue("no/name").upsert({})).rejects.toMatchObject({ status: 400 });
  });

  test("client.queue().get tells what a queue is and how much waits: GET /v2/queues/{name}", async () => {
    await expect(queue().get()).rejects.toMatchObject(notFound);
    await queue().upsert({ parallelism: 1, paused: true });
    await queue().enqueue({ url: receiver.url });
    expect(await queue().get()).toEqual({
      name: "line",
      createdAt: expect.any(Number),
      updatedAt: expect.any(Number),
      parallelism: 1,
      paused: true,
      lag: 1,
    });
  });

  test("client.queue().list has all of the tenant's queues and no other's: GET /v2/queues", async () => {
    expect(await queue().list()).toEqual([]);
    const neighbour = await createTenant(node, "neighbour");
    await neighbour.client.queue({ queueName: "theirs" }).upsert({});
    await queue("b").upsert({});
    await queue("a").upsert({ parallelism: 3 });
    const listed = (await queue().list()).toSorted((a, b) => a.name.localeCompare(b.name));
    expect(listed).toMatchObject([
      { name: "a", parallelism: 3 },
      { name: "b", parallelism: 1 },
    ]);
  });

  test("client.queue().delete removes a queue and what waits in it: DELETE /v2/queues/{name}", async () => {
    await queue().upsert({ paused: true });
    const { messageId } = await queue().enqueue({ url: receiver.url });
    await queue().delete();
    await expect(queue().get()).rejects.toMatchObject(notFound);
    await isGone(messageId);
    await queue().delete();
  });

  test("client.queue().pause keeps accepting and delivers nothing: POST /v2/queues/{name}/pause", async () => {
    await queue().upsert({});
    for (let twice = 0; twice < 2; twice += 1) await queue().pause();
    const { messageId } = await queue().enqueue({ url: receiver.url });
    await expect(queue().get()).resolves.toMatchObject({ paused: true, lag: 1 });
    // Whatever would be sent at once has been sent when a later message was.
    await client.publish({ url: `${receiver.url}/later` });
    await receiver.waitFor(1);
    expect(receiver.requests.map(({ url }) => url)).toEqual(["/later"]);
    await expect(client.messages.get(messageId)).resolves.toMatchObject({ queueName: "line" });
  });

  test("client.queue().resume goes on with the oldest: POST /v2/queues/{name}/resume", async () => {
    await queue().upsert({ paused: true });
    await queue().enqueue({ url: receiver.url, body: "0" });
    await queue().enqueue({ url: receiver.url, body: "1" });
    for (let twice = 0; twice < 2; twice += 1) await queue().resume();
    await receiver.waitFor(2);
    expect(bodies()).toEqual(["0", "1"]);
    await expect(queue().get()).resolves.toMatchObject({ paused: false });
  });
});

describe("05 §1 schedules", () => {
  const NEW_YEAR = "0 0 1 1 *";
  const create = (over: object = {}) =>
    client.schedules.create({ destination: receiver.url, cron: NEW_YEAR, ...over });

  test("client.schedules.create makes messages of its ticks, and replaces its like: POST /v2/schedules/{destination}", async () => {
    const first = { scheduleId: "mine", body: "old", headers: { "X-Old": "1" }, delay: 5 };
    expect(await create(first)).toEqual({ scheduleId: "mine" });
    await create({ scheduleId: "mine", method: "PATCH", body: '{"n":1}', label: "tick" });
    expect(await client.schedules.list()).toHaveLength(1);
    // Its minute would come on New Year's Day.
    await database.query("UPDATE schedules SET next_run_at = now() WHERE id = 'mine'");
    const [request] = await receiver.waitFor(1);
    expect(request).toMatchObject({ method: "PATCH", url: "/" });
    expect(request?.headers).toMatchObject({
      "content-type": "application/json",
      "upstash-schedule-id": "mine",
    });
    expect(request?.headers).not.toHaveProperty("x-old");
    expect(bodies()).toEqual(['{"n":1}']);
    const [created] = await lifeOf(String(idOf(request)));
    expect(created).toMatchObject({ scheduleId: "mine", label: "tick" });
    await expect(create({ cron: "whenever" })).rejects.toMatchObject({ status: 400 });
  });

  test("client.schedules.get shows what was created: GET /v2/schedules/{id}", async () => {
    await expect(client.schedules.get("none")).rejects.toMatchObject(notFound);
    const { scheduleId } = await create({
      cron: " CRON_TZ=Europe/Berlin 0 9 * * 1 ",
      body: "hello",
      headers: { "X-Mine": "kept", "Content-Type": "text/plain" },
      delay: "10s",
      retries: 1,
      flowControl: { key: "k", rate: 2, period: "1m" },
      queueName: "q",
    });
    const schedule = await client.schedules.get(scheduleId);
    expect(schedule).toMatchObject({
      scheduleId,
      cron: "CRON_TZ=Europe/Berlin 0 9 * * 1",
      destination: receiver.url,
      method: "POST",
      body: "hello",
      delay: 10,
      retries: 1,
      isPaused: false,
      queueName: "q",
      flowControlKey: "k",
      rate: 2,
      ratePerSecond: 2,
      period: 60,
    });
    expect(schedule.header).toEqual({ "X-Mine": ["kept"], "Content-Type": ["text/plain"] });
  });

  test("client.schedules.list has 60 schedules with a mebibyte each, whole", async () => {
    const body = "a".repeat(1024 * 1024);
    for (let index = 0; index < 60; index += 1) {
      await create({ body, scheduleId: `s${index}` });
    }
    const listed = await client.schedules.list();
    expect(listed.map(({ scheduleId }) => scheduleId)).toEqual(
      Array.from({ length: 60 }, (_, index) => `s${index}`),
    );
    expect(new Set(listed.map((schedule) => schedule.body))).toEqual(new Set([body]));
  });

  test("client.schedules.list has all of the tenant's schedules and no other's: GET /v2/schedules", async () => {
    expect(await client.schedules.list()).toEqual([]);
    const neighbour = await createTenant(node, "neighbour");
    await neighbour.client.schedules.create({ destination: receiver.url, cron: NEW_YEAR });
    const made = [await create(), await create({ scheduleId: "named" })];
    const listed = (await client.schedules.list()).map(({ scheduleId }) => ({ scheduleId }));
    expect(listed).toHaveLength(2);
    expect(listed).toEqual(expect.arrayContaining(made));
  });

  test("client.schedules.delete removes it, once: DELETE /v2/schedules/{id}", async () => {
    const { scheduleId } = await create();
    await client.schedules.delete(scheduleId);
    await expect(client.schedules.get(scheduleId)).rejects.toMatchObject(notFound);
    await expect(client.schedules.delete(scheduleId)).rejects.toMatchObject(notFound);
  });

  test("client.schedules.pause and client.schedules.resume, each twice: PATCH /v2/schedules/{id}/pause, PATCH /v2/schedules/{id}/resume", async () => {
    const { scheduleId: schedule } = await create();
    const state = async () => {
      const { isPaused, ...rest } = await client.schedules.get(schedule);
      return { isPaused, hasNext: "nextScheduleTime" in rest };
    };
    expect(await state()).toEqual({ isPaused: false, hasNext: true });
    for (let twice = 0; twice < 2; twice += 1) await client.schedules.pause({ schedule });
    expect(await state()).toEqual({ isPaused: true, hasNext: false });
    for (let twice = 0; twice < 2; twice += 1) await client.schedules.resume({ schedule });
    expect(await state()).toEqual({ isPaused: false, hasNext: true });
    await expect(client.schedules.pause({ schedule: "none" })).rejects.toMatchObject(notFound);
    await expect(client.schedules.resume({ schedule: "none" })).rejects.toMatchObject(notFound);
  });
});

describe("05 §1 URL groups", () => {
  test("client.urlGroups.addEndpoints makes the group, and changes an endpoint by its name: POST /v2/topics/{name}/endpoints", async () => {
    await client.urlGroups.addEndpoints({
      name: "group",
      endpoints: [{ ...endpoint("/a"), name: "end" }],
    });
    await addToGroup("/b", "/b");
    await client.urlGroups.addEndpoints({
      name: "group",
      endpoints: [{ ...endpoint("/c"), name: "end" }],
    });
    expect(await pathsOfGroup()).toEqual(["/c", "/b"]);
    await client.publish({ urlGroup: "group", body: "to all" });
    await receiver.waitFor(2);
    expect(receiver.requests.map(({ url }) => url).toSorted()).toEqual(["/b", "/c"]);
  });

  test("client.urlGroups.removeEndpoints takes the group along with its last one: DELETE /v2/topics/{name}/endpoints", async () => {
    await addToGroup("/a", "/b", "/c");
    const remove = (...paths: string[]) =>
      client.urlGroups.removeEndpoints({ name: "group", endpoints: paths.map(endpoint) });
    await remove("/b");
    expect(await pathsOfGroup()).toEqual(["/a", "/c"]);
    await remove("/a", "/c");
    await expect(client.urlGroups.get("group")).rejects.toMatchObject(notFound);
  });

  test("client.urlGroups.get shows name, times and endpoints: GET /v2/topics/{name}", async () => {
    await expect(client.urlGroups.get("group")).rejects.toMatchObject(notFound);
    await addToGroup("/a");
    expect(await client.urlGroups.get("group")).toEqual({
      name: "group",
      createdAt: expect.any(Number),
      updatedAt: expect.any(Number),
      endpoints: [endpoint("/a")],
    });
  });

  test("client.urlGroups.list has all of the tenant's groups and no other's: GET /v2/topics", async () => {
    expect(await client.urlGroups.list()).toEqual([]);
    const neighbour = await createTenant(node, "neighbour");
    await neighbour.client.urlGroups.addEndpoints({ name: "theirs", endpoints: [endpoint("/")] });
    await addToGroup("/a");
    expect((await client.urlGroups.list()).map(({ name }) => name)).toEqual(["group"]);
  });

  test("client.urlGroups.delete makes its name no destination any more: DELETE /v2/topics/{name}", async () => {
    await addToGroup("/a");
    await client.urlGroups.delete("group");
    await expect(client.urlGroups.get("group")).rejects.toMatchObject(notFound);
    await expect(client.publish({ urlGroup: "group" })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("invalid scheme"),
    });
  });

  test("client.topics is the same groups under their old name", async () => {
    await client.topics.addEndpoints({ name: "group", endpoints: [endpoint("/a")] });
    expect(await client.topics.list()).toEqual(await client.urlGroups.list());
    expect(await pathsOfGroup()).toEqual(["/a"]);
    await client.publish({ topic: "group", body: "old name" });
    const [request] = await receiver.waitFor(1);
    expect(request?.headers["upstash-topic-name"]).toBe("group");
  });
});

describe("05 §1 messages", () => {
  test("client.messages.get shows what waits, and 404 for what was delivered: GET /v2/messages/{id}", async () => {
    const messageId = await waiting({
      body: "later",
      label: "l",
      flowControl: { key: "k", parallelism: 3 },
      callback: `${receiver.url}/callback`,
    });
    expect(await client.messages.get(messageId)).toMatchObject({
      messageId,
      url: receiver.url,
      method: "POST",
      body: "later",
      maxRetries: 3,
      label: "l",
      labels: ["l"],
      flowControlKey: "k",
      parallelism: 3,
      callback: `${receiver.url}/callback`,
      callerIP: "127.0.0.1",
    });
    const delivered = await client.publish({ url: receiver.url });
    await lifeOf(delivered.messageId);
    await isGone(delivered.messageId);
  });

  test("client.messages.cancel takes an id, several, a filter or all: DELETE /v2/messages/{id}, DELETE /v2/messages", async () => {
    const ids: string[] = [];
    for (const label of ["one", "many", "many", "red", "blue"]) ids.push(await waiting({ label }));
    const [one = "", ...others] = ids;
    expect(await client.messages.cancel(one)).toEqual({ cancelled: 1 });
    await expect(client.messages.cancel(one)).rejects.toMatchObject(notFound);
    const many = [...others.slice(0, 2), one];
    expect(await client.messages.cancel(many)).toEqual({ cancelled: 2 });
    expect(await client.messages.cancel([])).toEqual({ cancelled: 0 });
    const red = { filter: { label: ["red", "none"] } };
    expect(await client.messages.cancel(red)).toEqual({ cancelled: 1 });
    await expect(client.messages.get(ids[4] ?? "")).resolves.toMatchObject({ label: "blue" });
    expect(await client.messages.cancel({ all: true })).toEqual({ cancelled: 1 });
    for (const id of ids) await isGone(id);
    const { logs } = await client.logs({ filter: { messageId: one } });
    expect(logs[0]?.state).toBe("CANCELED");
  });

  test("client.messages.delete takes one message, once: DELETE /v2/messages/{id}", async () => {
    const [gone, kept] = [await waiting(), await waiting()];
    await client.messages.delete(gone);
    await isGone(gone);
    await expect(client.messages.delete(gone)).rejects.toMatchObject(notFound);
    await expect(client.messages.get(kept)).resolves.toMatchObject({ messageId: kept });
  });

  test("client.messages.deleteMany counts those that were there: DELETE /v2/messages", async () => {
    const [one, two, kept] = [await waiting(), await waiting(), await waiting()];
    expect(await client.messages.deleteMany([one, two, "msg_none"])).toBe(2);
    await Promise.all([isGone(one), isGone(two)]);
    await expect(client.messages.get(kept)).resolves.toMatchObject({ messageId: kept });
  });

  test("client.messages.deleteAll takes all of the tenant's and no other's: DELETE /v2/messages", async () => {
    const neighbour = await createTenant(node, "neighbour");
    const theirs = await neighbour.client.publish({ url: receiver.url, delay: HOUR_S });
    const mine = [await waiting(), await waiting()];
    expect(await client.messages.deleteAll()).toBe(2);
    await Promise.all(mine.map(isGone));
    await expect(neighbour.client.messages.get(theirs.messageId)).resolves.toMatchObject(theirs);
  });
});

describe("05 §1 dead letters", () => {
  test("client.dlq.listMessages shows each with the last answer, by filter and by id: GET /v2/dlq", async () => {
    expect(await client.dlq.listMessages()).toEqual({ messages: [] });
    const [second, first] = await bury(2);
    expect(first).toMatchObject({
      dlqId: expect.any(String),
      body: "0",
      url: receiver.url,
      maxRetries: 0,
      responseStatus: 500,
      responseHeader: { "X-Why": ["broken"] },
      responseBody: "no",
    });
    const idsOf = async (request: object) =>
      (await client.dlq.listMessages(request)).messages.map(({ dlqId }) => dlqId);
    const messageId = first?.messageId ?? "";
    expect(await idsOf({ filter: { messageId, responseStatus: 500 } })).toEqual([first?.dlqId]);
    expect(await idsOf({ filter: { label: "none" } })).toEqual([]);
    expect(await idsOf({ dlqIds: [second?.dlqId, "1-1"] })).toEqual([second?.dlqId]);
    const { messages, cursor } = await client.dlq.listMessages({ count: 1 });
    expect(messages.map(({ dlqId }) => dlqId)).toEqual([second?.dlqId]);
    expect(await idsOf({ count: 1, cursor, filter: {} })).toEqual([first?.dlqId]);
  });

  test("client.dlq.delete takes an id, several, a filter or all: DELETE /v2/dlq/{dlqId}, DELETE /v2/dlq", async () => {
    const [one = "", ...others] = (await bury(5)).map(({ dlqId }) => dlqId);
    expect(await client.dlq.delete(one)).toEqual({ deleted: 1 });
    await expect(client.dlq.delete(one)).rejects.toMatchObject(notFound);
    expect(await client.dlq.delete([...others.slice(0, 2), one])).toEqual({ deleted: 2 });
    expect(await client.dlq.delete({ filter: { label: "none" } })).toEqual({ deleted: 0 });
    expect(await client.dlq.delete({ filter: { label: "dead" }, count: 1 })).toMatchObject({
      deleted: 1,
      cursor: expect.any(String),
    });
    expect(await client.dlq.delete({ all: true })).toEqual({ deleted: 1 });
    expect(await client.dlq.listMessages()).toEqual({ messages: [] });
  });

  test("client.dlq.deleteMany counts those that were there: DELETE /v2/dlq", async () => {
    const [gone = "", kept] = (await bury(2)).map(({ dlqId }) => dlqId);
    expect(await client.dlq.deleteMany({ dlqIds: [gone, "1-1"] })).toEqual({ deleted: 1 });
    expect((await client.dlq.listMessages()).messages.map(({ dlqId }) => dlqId)).toEqual([kept]);
  });

  test("client.dlq.retry delivers anew, by id, filter or all: POST /v2/dlq/retry", async () => {
    const dead = await bury(3);
    const [one = "", two = ""] = dead.map(({ dlqId }) => dlqId);
    receiver.reply("/", () => ({ status: 200 }));
    const { responses } = await client.dlq.retry(one);
    const again = await receiver.waitFor((request) => idOf(request) === responses[0]?.messageId);
    expect(String(again[0]?.body)).toBe("2");
    expect(dead.map(({ messageId }) => messageId)).not.toContain(responses[0]?.messageId);
    await expect(client.dlq.retry([one, two])).rejects.toMatchObject(notFound);
    expect((await client.dlq.retry({ filter: { label: "none" } })).responses).toEqual([]);
    expect((await client.dlq.retry([two])).responses).toHaveLength(1);
    expect((await client.dlq.retry({ all: true })).responses).toHaveLength(1);
    await receiver.waitFor(6);
    expect(bodies().slice(3).toSorted()).toEqual(["0", "1", "2"]);
    expect(await client.dlq.listMessages()).toEqual({ messages: [] });
  });
});

describe("05 §1 flow control", () => {
  const key = "key";
  const publish = (body: string, flowControl: object) =>
    client.publish({ url: receiver.url, body, flowControl: { key, ...flowControl } as never });

  test("client.flowControl.get shows rules, counts and switches: GET /v2/flowControl/{key}", async () => {
    await expect(client.flowControl.get(key)).rejects.toMatchObject(notFound);
    receiver.reply(() => "hang");
    await publish("0", { parallelism: 1, rate: 5, period: "1m" });
    await publish("1", { parallelism: 1, rate: 5, period: "1m" });
    await receiver.waitFor(1);
    expect(await client.flowControl.get(key)).toEqual({
      flowControlKey: key,
      waitListSize: 1,
      parallelismMax: 1,
      parallelismCount: 1,
      rateMax: 5,
      rateCount: 1,
      ratePeriod: 60,
      ratePeriodStart: expect.any(Number),
      isPaused: false,
      isPinnedParallelism: false,
      isPinnedRate: false,
    });
  });

  test("client.flowControl.getGlobalParallelism counts what is under way: GET /v2/globalParallelism", async () => {
    const idle = await client.flowControl.getGlobalParallelism();
    expect(idle.parallelismMax).toBeGreaterThan(0);
    expect(idle.parallelismCount).toBe(0);
    receiver.reply(() => "hang");
    await client.publish({ url: receiver.url });
    await receiver.waitFor(1);
    expect(await client.flowControl.getGlobalParallelism()).toEqual({
      ...idle,
      parallelismCount: 1,
    });
  });

  test("client.flowControl.pause and client.flowControl.resume hold back and let go: POST /v2/flowControl/{key}/pause, POST /v2/flowControl/{key}/resume", async () => {
    await client.flowControl.pause(key);
    await publish("held back", { rate: 10 });
    await expect(client.flowControl.get(key)).resolves.toMatchObject({
      isPaused: true,
      waitListSize: 1,
    });
    await client.publish({ url: receiver.url, body: "other" });
    await receiver.waitFor(1);
    expect(bodies()).toEqual(["other"]);
    await client.flowControl.resume(key);
    await receiver.waitFor(2);
    expect(bodies()).toEqual(["other", "held back"]);
    await expect(client.flowControl.get(key)).resolves.toMatchObject({ isPaused: false });
  });

  test("client.flowControl.pin holds against the messages, until client.flowControl.unpin: POST /v2/flowControl/{key}/pin, POST /v2/flowControl/{key}/unpin", async () => {
    await client.flowControl.pin(key, { parallelism: 7, rate: 100, period: 60 });
    await publish("0", { parallelism: 1, rate: 1, period: "1d" });
    await publish("1", { parallelism: 1, rate: 1, period: "1d" });
    await receiver.waitFor(2);
    const pinned = { parallelismMax: 7, rateMax: 100, ratePeriod: 60 };
    expect(await client.flowControl.get(key)).toMatchObject({
      ...pinned,
      isPinnedParallelism: true,
      isPinnedRate: true,
    });
    await client.flowControl.unpin(key, { parallelism: true });
    expect(await client.flowControl.get(key)).toMatchObject({
      ...pinned,
      isPinnedParallelism: false,
      isPinnedRate: true,
    });
    await publish("2", { parallelism: 2, rate: 1 });
    expect(await client.flowControl.get(key)).toMatchObject({ ...pinned, parallelismMax: 2 });
  });

  test("client.flowControl.resetRate opens a new period: POST /v2/flowControl/{key}/resetRate", async () => {
    await publish("0", { rate: 1, period: "1d" });
    await publish("1", { rate: 1, period: "1d" });
    await receiver.waitFor(1);
    await expect(client.flowControl.get(key)).resolves.toMatchObject({
      rateCount: 1,
      waitListSize: 1,
    });
    await client.flowControl.resetRate(key);
    await receiver.waitFor(2);
    expect(bodies()).toEqual(["0", "1"]);
  });
});

describe("05 §1 logs", () => {
  test("client.logs tells a message's life, newest first, in pages: GET /v2/events", async () => {
    const { messageId } = await client.publish({ url: receiver.url, body: "logged" });
    await lifeOf(messageId);
    const { logs, cursor } = await client.logs({ messageIds: [messageId] });
    expect(logs.map(({ state }) => state)).toEqual(["DELIVERED", "ACTIVE", "CREATED"]);
    expect(logs[2]).toMatchObject({
      messageId,
      url: receiver.url,
      body: Buffer.from("logged").toString("base64"),
      time: expect.any(Number),
    });
    expect(cursor).toBeUndefined();
    const newest = await client.logs({ count: 2 });
    expect(newest.logs).toEqual(logs.slice(0, 2));
    const oldest = await client.logs({ count: 2, cursor: newest.cursor ?? "", filter: {} });
    expect(oldest.logs).toEqual(logs.slice(2));
    expect(oldest.cursor).toBeUndefined();
    expect((await client.logs({ filter: { state: "FAILED" } })).logs).toEqual([]);
  });

  test("client.events is the same log under its old name: GET /v2/events", async () => {
    const { messageId } = await client.publish({ url: receiver.url });
    await lifeOf(messageId);
    const { logs } = await client.logs();
    expect(logs).toHaveLength(3);
    expect((await client.events()).events).toEqual(logs);
    expect((await client.events({ filter: { messageId, state: "ACTIVE" } })).events).toEqual(
      logs.slice(1, 2),
    );
  });
});

describe("05 §1 the client's deprecated and bare methods", () => {
  const refused = {
    ...notFound,
    message: expect.stringContaining("no LLM provider is configured"),
  };

  test("client.chat().create and client.chat().prompt are told that there is no model: POST /llm/v1/chat/completions", async () => {
    const chat = client.chat();
    const provider = upstash();
    const messages = [{ role: "user" as const, content: "?" }];
    await expect(chat.create({ provider, model: "m", messages } as never)).rejects.toMatchObject(
      refused,
    );
    await expect(
      chat.prompt({ provider, model: "m", system: "", user: "?" } as never),
    ).rejects.toMatchObject(refused);
  });

  test("client.workflow.cancel is refused with 404 for a run that does not exist: DELETE /v2/workflows/runs/{id}", async () => {
    await expect(client.workflow.cancel("wfr_none")).rejects.toMatchObject(notFound);
  });

  test("client.http.request reads any route and throws what the service says: GET /v2/keys", async () => {
    await expect(client.http.request({ method: "GET", path: ["v2", "keys"] })).resolves.toEqual(
      tenant.signingKeys,
    );
    await expect(
      client.http.request({ method: "GET", path: ["v2", "nothing"] }),
    ).rejects.toMatchObject({
      status: 404,
      message: '{"error":"there is no route GET \\"/v2/nothing\\""}',
    });
  });

  test("client.http.requestStream throws what the service says: POST /llm/v1/chat/completions", async () => {
    const path = ["llm", "v1", "chat", "completions"];
    const stream = client.http.requestStream({ method: "POST", path, body: "{}" });
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
  });
});

describe("05 §2 the official receiver", () => {
  test("receiver.verify accepts what was delivered, by either key, and nothing else", async () => {
    const { current, next } = tenant.signingKeys;
    await client.publishJSON({ url: `${receiver.url}/hook?a=1`, body: { hello: "wörld" } });
    await client.publish({ url: `${receiver.url}/empty` });
    await receiver.waitFor(2);
    const signed = receiver.requests.map((request) => ({
      signature: String(request.headers["upstash-signature"]),
      body: String(request.body),
      url: receiver.url + request.url,
      clockTolerance: 0,
    }));
    for (const request of signed) {
      await expect(verifier(current, next).verify(request)).resolves.toBe(true);
      await expect(verifier("sig_old", current).verify(request)).resolves.toBe(true);
      await expect(verifier("sig_a", "sig_b").verify(request)).rejects.toThrow("signature");
      const changed = { ...request, body: `${request.body} ` };
      await expect(verifier(current, next).verify(changed)).rejects.toThrow("body hash");
      const elsewhere = { ...request, url: `${request.url}/else` };
      await expect(verifier(current, next).verify(elsewhere)).rejects.toThrow("invalid subject");
    }
  });
});
