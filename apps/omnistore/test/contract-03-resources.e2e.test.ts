import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { describe, expect, test } from "vitest";

import { world } from "./world.ts";

const there = world();

const TIME = expect.any(Number) as number;
const FAR = "https://example.com/";
const YEARLY = "0 0 1 1 *";

describe("03 §1 messages", () => {
  test("07 Q4 a message shows everything that was said of it, and nothing else", async () => {
    const endpoints = [{ url: FAR, name: "end" }];
    await there.client.urlGroups.addEndpoints({ name: "group", endpoints });
    const answer = await there.call("POST /v2/enqueue/queue/group", {
      headers: {
        "content-type": "text/plain",
        "Upstash-Method": "PUT",
        "Upstash-Delay": "1h",
        "Upstash-Retries": "5",
        "Upstash-Retry-Delay": "1000",
        "Upstash-Timeout": "1m",
        "Upstash-Label": "one,two",
        "Upstash-Forward-X-Mine": "1",
        "Upstash-Flow-Control-Key": "key",
        "Upstash-Flow-Control-Value": "parallelism=2",
        "Upstash-Callback": `${FAR}callback`,
        "Upstash-Callback-Forward-X-Of-Callback": "2",
        "Upstash-Failure-Callback": `${FAR}failure`,
        "Upstash-Failure-Callback-Forward-X-Of-Failure": "3",
      },
      body: "body",
    });
    const [published] = answer.json as { messageId: string }[];
    expect(await there.messageOf(answer)).toEqual({
      messageId: published?.messageId,
      url: FAR,
      method: "PUT",
      maxRetries: 5,
      notBefore: TIME,
      createdAt: TIME,
      topicName: "group",
      endpointName: "end",
      header: { "Content-Type": ["text/plain"], "X-Mine": ["1"] },
      callback: `${FAR}callback`,
      callbackHeader: { "X-Of-Callback": ["2"] },
      failureCallback: `${FAR}failure`,
      failureCallbackHeader: { "X-Of-Failure": ["3"] },
      body: "body",
      retryDelayExpression: "1000",
      queueName: "queue",
      callerIP: "127.0.0.1",
      callerIp: "127.0.0.1",
      label: "one",
      labels: ["one", "two"],
      flowControlKey: "key",
      parallelism: 2,
      period: 1,
    });
  });

  test("cancelling one answers how many, and 404 when there is none", async () => {
    const { messageId } = await there.waiting({});
    expect((await there.call(`DELETE /v2/messages/${String(messageId)}`)).json).toEqual({
      cancelled: 1,
    });
    expect((await there.call(`DELETE /v2/messages/${String(messageId)}`)).status).toBe(404);
    expect((await there.call("DELETE /v2/messages/msg_none")).status).toBe(404);
  });

  test("07 Q21 a slash behind the collection is not everything: 400, and nothing changes", async () => {
    const message = await there.waiting({});
    for (const line of ["DELETE /v2/messages/", "DELETE /v2/dlq/", "POST /v2/dlq/retry/"]) {
      expect((await there.call(line)).status, line).toBe(400);
    }
    for (const name of ["queues", "schedules", "topics"]) {
      expect((await there.call(`DELETE /v2/${name}/`)).status, name).toBe(405);
    }
    const kept = await there.get(`/v2/messages/${String(message["messageId"])}`);
    expect(kept).toEqual(message);
  });
});

const queuesNow = () => there.get<Record<string, unknown>[]>("/v2/queues");
const upsert = (body: object) => there.call("POST /v2/queues", { body: JSON.stringify(body) });

describe("03 §2 queues", () => {
  test("an upsert creates, then changes; parallelism is 1 and paused is as it was unless said", async () => {
    expect(await upsert({ queueName: "q", parallelism: 3, paused: true })).toMatchObject({
      status: 200,
    });
    const queue = {
      name: "q",
      createdAt: TIME,
      updatedAt: TIME,
      parallelism: 3,
      paused: true,
      lag: 0,
    };
    expect(await there.get("/v2/queues/q")).toEqual(queue);
    await upsert({ queueName: "q" });
    expect(await queuesNow()).toEqual([{ ...queue, parallelism: 1 }]);
    await upsert({ queueName: "q", parallelism: 2, paused: false });
    expect(await queuesNow()).toEqual([{ ...queue, parallelism: 2, paused: false }]);
  });

  test.each([
    {},
    { queueName: "" },
    { queueName: 1 },
    { queueName: "q", parallelism: 0 },
    { queueName: "q", parallelism: "2" },
    { queueName: "q", paused: "yes" },
  ])("%j is 400", async (body) => {
    expect((await upsert(body)).status).toBe(400);
    expect(await queuesNow()).toEqual([]);
  });

  test("pause and resume may be said twice; an absent queue is 404", async () => {
    await upsert({ queueName: "q" });
    for (const [verb, paused] of [
      ["pause", true],
      ["pause", true],
      ["resume", false],
      ["resume", false],
    ] as const) {
      expect((await there.call(`POST /v2/queues/q/${verb}`)).status).toBe(200);
      expect(await queuesNow()).toMatchObject([{ paused }]);
      expect((await there.call(`POST /v2/queues/none/${verb}`)).status).toBe(404);
    }
    expect((await there.call("GET /v2/queues/none")).status).toBe(404);
  });

  test("07 Q22 deleting drops what is in it, and an absent queue is 200", async () => {
    await upsert({ queueName: "q", paused: true });
    const published = await there.client
      .queue({ queueName: "q" })
      .enqueue({ url: there.receiver.url });
    expect(await queuesNow()).toMatchObject([{ lag: 1 }]);
    for (const _ of ["there", "gone"]) {
      expect((await there.call("DELETE /v2/queues/q")).status).toBe(200);
    }
    expect(await queuesNow()).toEqual([]);
    const gone = there.client.messages.get(published.messageId);
    await expect(gone).rejects.toMatchObject({ status: 404 });
  });

  test("an enqueue and a schedule make their queue, and never reset its parallelism", async () => {
    const schedule = (name: string) =>
      there.client.schedules.create({ destination: FAR, cron: YEARLY, queueName: name });
    await schedule("by-schedule");
    await there.client.queue({ queueName: "by-enqueue" }).enqueue({ url: FAR, delay: 60 });
    const made = { parallelism: 1, paused: false };
    expect(await queuesNow()).toMatchObject([
      { name: "by-enqueue", ...made, lag: 1 },
      { name: "by-schedule", ...made, lag: 0 },
    ]);
    for (const queueName of ["by-enqueue", "by-schedule"])
      await upsert({ queueName, parallelism: 4 });
    await schedule("by-enqueue");
    await there.client.queue({ queueName: "by-schedule" }).enqueue({ url: FAR, delay: 60 });
    expect(await queuesNow()).toMatchObject([{ parallelism: 4 }, { parallelism: 4 }]);
  });
});

/** Makes the tenant's only schedule due now, and tells the scheduler to look. */
async function tick(scheduleId: string): Promise<void> {
  const database = new pg.Client({ connectionString: there.node.databaseUrl });
  await database.connect();
  await database.query("UPDATE schedules SET next_run_at = now() WHERE id = $1", [scheduleId]);
  await database.end();
  await there.client.schedules.resume({ schedule: scheduleId });
}

describe("03 §3 schedules", () => {
  test("a schedule shows everything that was said of it, and nothing else", async () => {
    const { scheduleId } = await there.client.schedules.create({
      destination: FAR,
      scheduleId: "full",
      cron: "  CRON_TZ=Europe/Berlin  30 5 * * 1-5 ",
      method: "PATCH",
      body: "body",
      headers: { "test-header": "value", "Content-Type": "text/plain" },
      delay: "10s",
      timeout: "1m",
      retries: 7,
      retryDelay: "1000",
      label: "one",
      queueName: "queue",
      callback: `${FAR}callback`,
      failureCallback: `${FAR}failure`,
      flowControl: { key: "key", rate: 3, period: "1d" },
    });
    expect(scheduleId).toBe("full");
    const full = {
      scheduleId: "full",
      cron: "CRON_TZ=Europe/Berlin  30 5 * * 1-5",
      destination: FAR,
      createdAt: TIME,
      method: "PATCH",
      isPaused: false,
      retries: 7,
      header: { "Test-Header": ["value"], "Content-Type": ["text/plain"] },
      body: "body",
      delay: 10,
      timeout: 60,
      callback: `${FAR}callback`,
      failureCallback: `${FAR}failure`,
      callerIP: "127.0.0.1",
      callerIp: "127.0.0.1",
      queueName: "queue",
      flowControlKey: "key",
      rate: 3,
      period: 86_400,
      retryDelayExpression: "1000",
      label: "one",
      labels: ["one"],
      nextScheduleTime: TIME,
    };
    expect(await there.get("/v2/schedules/full")).toEqual(full);
    expect(await there.get("/v2/schedules")).toEqual([full]);
  });

  test("an id that exists is replaced whole: what is not sent becomes unset", async () => {
    const create = (headers: Record<string, string>, body = "") =>
      there.call(`POST /v2/schedules/${FAR}`, {
        headers: { "Upstash-Cron": YEARLY, "Upstash-Schedule-Id": "s", ...headers },
        body,
      });
    const bare = {
      scheduleId: "s",
      cron: YEARLY,
      destination: FAR,
      createdAt: TIME,
      method: "POST",
      isPaused: false,
      retries: 3,
      callerIP: "127.0.0.1",
      callerIp: "127.0.0.1",
      nextScheduleTime: TIME,
    };
    await create({ "Upstash-Delay": "5s", "Upstash-Label": "x", "content-type": "a/b" }, "body");
    expect(await there.get("/v2/schedules/s")).toMatchObject({ delay: 5, body: "body" });
    expect((await create({})).json).toEqual({ scheduleId: "s" });
    expect(await there.get("/v2/schedules")).toEqual([bare]);
  });

  test.each([
    "",
    "* * * *",
    "* * * * * *",
    "@daily",
    "60 * * * *",
    "CRON_TZ=Mars/Olympus * * * * *",
    "0 0 30 2 *",
  ])("the cron %j is 400", async (cron) => {
    const headers = { "Upstash-Cron": cron };
    const answer = await there.call(`POST /v2/schedules/${FAR}`, { headers });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("Upstash-Cron");
  });

  test("a cron has to be there, and a destination that is a URL or a group", async () => {
    const headers = { "Upstash-Cron": YEARLY };
    const statuses = await Promise.all([
      there.call(`POST /v2/schedules/${FAR}`),
      there.call("POST /v2/schedules/no-such-group", { headers }),
      there.call("POST /v2/schedules/ftp://example.com/", { headers }),
      there.call(`POST /v2/schedules/${FAR}`, {
        headers: { ...headers, "Upstash-Not-Before": "1" },
      }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(await there.get("/v2/schedules")).toEqual([]);
  });

  test("pause and resume by PATCH and by POST, each twice; 07 Q22 what is absent is 404", async () => {
    await there.client.schedules.create({ destination: FAR, cron: YEARLY, scheduleId: "s" });
    for (const method of ["PATCH", "POST"]) {
      for (const [verb, isPaused] of [
        ["pause", true],
        ["resume", false],
      ] as const) {
        for (const _ of ["once", "again"]) {
          expect((await there.call(`${method} /v2/schedules/s/${verb}`)).status).toBe(200);
          expect(await there.get("/v2/schedules/s")).toMatchObject({ isPaused });
        }
        expect((await there.call(`${method} /v2/schedules/none/${verb}`)).status).toBe(404);
      }
    }
    const statuses = [];
    for (const _ of ["there", "gone"]) {
      statuses.push((await there.call("DELETE /v2/schedules/s")).status);
    }
    expect(statuses).toEqual([200, 404]);
  });

  test("07 Q39 a destination that ends in a verb is a destination", async () => {
    const headers = { "Upstash-Cron": YEARLY };
    for (const verb of ["pause", "resume"]) {
      const destination = `https://example.com/${verb}`;
      const answer = await there.call(`POST /v2/schedules/${destination}`, { headers });
      const { scheduleId } = answer.json as { scheduleId: string };
      expect(await there.get(`/v2/schedules/${scheduleId}`)).toMatchObject({ destination });
    }
  });

  test("a tick tells of itself: to the receiver, to the callback, and in the schedule", async () => {
    const { url } = there.receiver;
    const { scheduleId } = await there.client.schedules.create({
      destination: `${url}/job`,
      cron: YEARLY,
      callback: `${url}/callback`,
    });
    await tick(scheduleId);
    const [job] = await there.receiver.waitFor((request) => request.url === "/job");
    const messageId = String(job?.headers["upstash-message-id"]);
    expect(job?.headers).toMatchObject({
      "upstash-schedule-id": scheduleId,
      "upstash-caller-ip": "127.0.0.1",
    });
    const [callback] = await there.receiver.waitFor((request) => request.url === "/callback");
    expect(JSON.parse(String(callback?.body))).toMatchObject({
      sourceMessageId: messageId,
      scheduleId,
    });
    const schedule = await until(async () => {
      const found = await there.get(`/v2/schedules/${scheduleId}`);
      return JSON.stringify(found["lastScheduleStates"]).includes("SUCCESS") && found;
    });
    expect(schedule).toMatchObject({
      lastScheduleStates: { [messageId]: "SUCCESS" },
      lastScheduleTime: TIME,
      nextScheduleTime: TIME,
    });
    const { logs } = await there.client.logs({ filter: { scheduleId: [scheduleId, "none"] } });
    expect(new Set(logs.map((log) => log.messageId))).toEqual(new Set([messageId]));
  });

  test("its states are IN_PROGRESS, SUCCESS and FAIL; 07 Q48 pausing stops no message of it", async () => {
    const { url } = there.receiver;
    there.receiver.reply(({ headers }) => ({
      status: 500,
      headers: headers["upstash-retried"] === "0" ? { "Retry-After": "1" } : {},
    }));
    const options = { destination: url, cron: YEARLY, retries: 1, scheduleId: "failing" };
    const { scheduleId } = await there.client.schedules.create(options);
    await tick(scheduleId);
    await there.receiver.waitFor(1);
    const states = async () => {
      const { lastScheduleStates } = await there.client.schedules.get(scheduleId);
      return Object.values(lastScheduleStates ?? {});
    };
    expect(await states()).toEqual(["IN_PROGRESS"]);
    await there.client.schedules.pause({ schedule: scheduleId });
    await there.receiver.waitFor(2);
    await until(async () => (await states())[0] === "FAIL");
    const { messages } = await there.client.dlq.listMessages({ filter: { scheduleId } });
    expect(messages).toMatchObject([{ scheduleId }]);
  });

  test("a group that is gone is told as the error of its last tick", async () => {
    await there.client.urlGroups.addEndpoints({ name: "gone", endpoints: [{ url: FAR }] });
    const { scheduleId } = await there.client.schedules.create({
      destination: "gone",
      cron: YEARLY,
    });
    expect(await there.get(`/v2/schedules/${scheduleId}`)).toMatchObject({ destination: "gone" });
    await there.client.urlGroups.delete("gone");
    await tick(scheduleId);
    const schedule = await until(async () => {
      const found = await there.get(`/v2/schedules/${scheduleId}`);
      return found["error"] !== undefined && found;
    });
    expect(schedule["error"]).toContain('"gone"');
  });
});

const changeEndpoints = (method: "POST" | "DELETE", body: unknown) =>
  there.call(`${method} /v2/topics/g/endpoints`, { body: JSON.stringify(body) });
const add = (body: unknown) => changeEndpoints("POST", body);
const remove = (body: unknown) => changeEndpoints("DELETE", body);
const endpointsNow = async () => (await there.client.urlGroups.get("g")).endpoints;

describe("03 §4 URL groups", () => {
  const [a, b, c] = ["a", "b", "c"].map((path) => ({ url: FAR + path }));

  test("endpoints are matched by name, else by URL; the group has these fields", async () => {
    expect((await add({ endpoints: [{ ...a, name: "first" }, b] })).status).toBe(200);
    await add({
      endpoints: [
        { ...c, name: "first" },
        { ...b, name: "second" },
      ],
    });
    const group = {
      name: "g",
      createdAt: TIME,
      updatedAt: TIME,
      endpoints: [
        { ...c, name: "first" },
        { ...b, name: "second" },
      ],
    };
    expect(await there.get("/v2/topics/g")).toEqual(group);
    expect(await there.get("/v2/topics")).toEqual([group]);
  });

  test("endpoints leave by name, by URL or by both; with the last one the group is gone", async () => {
    await add({ endpoints: [{ ...a, name: "first" }, b, { ...c, name: "third" }] });
    await remove({ endpoints: [{ name: "first" }] });
    expect(await endpointsNow()).toEqual([b, { ...c, name: "third" }]);
    await remove({ endpoints: [{ ...c, name: "another" }] });
    expect(await endpointsNow()).toHaveLength(2);
    await remove({ endpoints: [{ ...c, name: "third" }] });
    await remove({ endpoints: [b] });
    expect((await there.call("GET /v2/topics/g")).status).toBe(404);
  });

  test.each([{}, { endpoints: [] }, { endpoints: [{}] }, { endpoints: [{ url: "x" }] }, []])(
    "%j is 400 and adds nothing",
    async (body) => {
      expect((await add(body)).status).toBe(400);
      expect(await there.get("/v2/topics")).toEqual([]);
    },
  );

  test("07 Q22 what is absent is 404", async () => {
    const answers = await Promise.all([
      there.call("GET /v2/topics/g"),
      there.call("DELETE /v2/topics/g"),
      there.call("PATCH /v2/topics/g", { body: '{"headers":{}}' }),
      remove({ endpoints: [a] }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  });

  test("a deleted group is no destination any more, and its messages go on", async () => {
    await add({ endpoints: [{ url: `${there.receiver.url}/g` }] });
    await there.client.publish({ urlGroup: "g", delay: 1 });
    expect((await there.call("DELETE /v2/topics/g")).status).toBe(200);
    expect((await there.call("POST /v2/publish/g")).status).toBe(400);
    const [request] = await there.receiver.waitFor(1);
    expect(request?.headers["upstash-topic-name"]).toBe("g");
  });
});

const post = (path: string) => there.call(`POST /v2/flowControl/${path}`);

describe("03 §6 flow control", () => {
  const untouched = {
    flowControlKey: "k",
    waitListSize: 0,
    parallelismMax: 0,
    parallelismCount: 0,
    rateMax: 0,
    rateCount: 0,
    ratePeriod: 1,
    ratePeriodStart: 0,
    isPaused: false,
    isPinnedParallelism: false,
    isPinnedRate: false,
  };

  test("pause and pin work on keys that nothing used yet, and every field is always there", async () => {
    expect((await there.call("GET /v2/flowControl/k")).status).toBe(404);
    await post("k/pause");
    expect(await there.get("/v2/flowControl/k")).toEqual({ ...untouched, isPaused: true });
    await post("k/resume");
    expect(await there.get("/v2/flowControl")).toEqual([untouched]);
    await post("pinned/pin?parallelism=3&rate=9&period=60");
    expect(await there.get("/v2/flowControl/pinned")).toMatchObject({
      parallelismMax: 3,
      rateMax: 9,
      ratePeriod: 60,
      isPinnedParallelism: true,
      isPinnedRate: true,
    });
    expect(await there.get("/v2/flowControl?search=inn")).toMatchObject([
      { flowControlKey: "pinned" },
    ]);
    expect(await there.get("/v2/flowControl?search=none")).toEqual([]);
  });

  test("07 Q30 pins hold against messages; after unpin values stay until a message brings others", async () => {
    const publish = () =>
      there.client.publish({
        url: FAR,
        delay: 60,
        flowControl: { key: "k", parallelism: 1, rate: 1, period: 1 },
      });
    const pinned = { parallelismMax: 3, rateMax: 9, ratePeriod: 60 };
    await publish();
    await post("k/pin?parallelism=3&rate=9&period=60");
    await publish();
    expect(await there.get("/v2/flowControl/k")).toMatchObject(pinned);
    await post("k/unpin?parallelism=True");
    expect(await there.get("/v2/flowControl/k")).toMatchObject({
      ...pinned,
      isPinnedParallelism: false,
      isPinnedRate: true,
    });
    await publish();
    expect(await there.get("/v2/flowControl/k")).toMatchObject({ ...pinned, parallelismMax: 1 });
    await post("k/unpin");
    expect(await there.get("/v2/flowControl/k")).toMatchObject({ isPinnedRate: true });
    await post("k/unpin?rate=true&parallelism=false");
    await publish();
    expect(await there.get("/v2/flowControl/k")).toMatchObject({
      parallelismMax: 1,
      rateMax: 1,
      ratePeriod: 1,
      isPinnedRate: false,
    });
  });

  test("a pin, resetRate and reset each forget the starts and open a period now", async () => {
    for (const verb of ["pin?rate=50&period=86400", "pin?parallelism=9", "resetRate", "reset"]) {
      const flowControl = { key: "k", rate: 50, period: "1d" } as const;
      const { messageId } = await there.client.publish({ url: there.receiver.url, flowControl });
      await there.settled(messageId, "DELIVERED");
      expect(await there.get("/v2/flowControl/k"), verb).toMatchObject({ rateCount: 1 });
      const before = Math.floor(Date.now() / 1000) - 2;
      expect((await post(`k/${verb}`)).status).toBe(200);
      const key = await there.get("/v2/flowControl/k");
      expect(key, verb).toMatchObject({ rateCount: 0 });
      // Unix seconds.
      expect(key["ratePeriodStart"]).toBeGreaterThan(before);
      expect(key["ratePeriodStart"]).toBeLessThan(before + 10);
    }
  });

  test.each([
    "pin",
    "pin?period=5",
    "pin?parallelism=0",
    "pin?rate=-1",
    "pin?rate=1.5",
    "pin?rate=1&period=1m",
    "pin?rate=1&period=604801",
    "unpin?rate=maybe",
  ])("%s is 400 and changes nothing", async (verb) => {
    expect((await post(`k/${verb}`)).status).toBe(400);
    expect(await there.get("/v2/flowControl")).toEqual([]);
  });

  test("what is under way is counted, of the key and of all", async () => {
    there.receiver.reply(() => "hang");
    const flowControl = { key: "k", parallelism: 1 };
    await there.client.publish({ url: there.receiver.url, flowControl });
    await there.client.publish({ url: there.receiver.url });
    await there.client.publish({ url: there.receiver.url, flowControl });
    await there.receiver.waitFor(2);
    expect(await there.get("/v2/flowControl/k")).toMatchObject({
      parallelismCount: 1,
      waitListSize: 1,
    });
    const { parallelismMax, parallelismCount } = await there.get("/v2/globalParallelism");
    expect(parallelismCount).toBe(2);
    expect(parallelismMax).toBeGreaterThan(2);
  });
});
