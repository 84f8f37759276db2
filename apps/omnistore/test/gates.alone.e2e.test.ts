import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";
import { startConnectProxy } from "@omnistore/testkit/connect-proxy";
import { officialClient } from "@omnistore/testkit/official-client";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver, type ReceivedRequest, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import type { Client } from "@upstash/qstash";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const LEASE_SECONDS = 2;

let database: FreshDatabase;
let receiver: Receiver;
let running: RunningProcess[];
let dispatchers: RunningProcess[];
let client: Client;

beforeEach(async () => {
  database = await freshDatabase();
  receiver = await startReceiver();
  running = [];
  const api = start("api");
  dispatchers = [start("dispatcher"), start("dispatcher"), start("dispatcher")];
  const line = JSON.parse(await api.line("the api is listening")) as { port: number };
  client = officialClient(`http://127.0.0.1:${line.port}`);
});
afterEach(async () => {
  await Promise.all(running.map((child) => child.end("SIGKILL")));
  await receiver.close();
  await database.drop();
});

function start(app: "api" | "dispatcher", env: NodeJS.ProcessEnv = {}): RunningProcess {
  const child = startProcess(`apps/${app}/src/main.ts`, {
    DATABASE_URL: database.url,
    PORT: "0",
    OMNISTORE_LEASE_SECONDS: String(LEASE_SECONDS),
    ...env,
  });
  running.push(child);
  return child;
}

const bodies = (requests: readonly ReceivedRequest[]) => requests.map(({ body }) => String(body));
const distinct = (requests: readonly ReceivedRequest[]) => [...new Set(bodies(requests))];
const numbered = (count: number) => Array.from({ length: count }, (_, index) => String(index));

/** Journal of a receiver that is busy for a while with each request: how many at once, at most. */
function busyReceiver(busyMs: number, status: (request: ReceivedRequest) => number = () => 200) {
  const journal = { now: 0, most: 0 };
  receiver.reply((request) => {
    journal.now += 1;
    journal.most = Math.max(journal.most, journal.now);
    setTimeout(() => {
      journal.now -= 1;
    }, busyMs - 1);
    return { status: status(request), delayMs: busyMs };
  });
  return journal;
}

describe("02 §7 three dispatchers, one of them killed", () => {
  test("a queue stays in order, one at a time, across retries and the kill", async () => {
    const COUNT = 30;
    const journal = busyReceiver(40, ({ body, headers }) =>
      Number(String(body)) % 7 === 3 && headers["upstash-retried"] === "0" ? 500 : 200,
    );
    const queue = client.queue({ queueName: "orders" });
    for (const body of numbered(COUNT)) {
      await queue.enqueue({ url: receiver.url, body, retryDelay: "50" });
    }
    await receiver.waitFor(8);
    await dispatchers[0]?.end("SIGKILL");
    await until(async () => distinct(receiver.requests).length === COUNT, 30_000);
    expect(distinct(receiver.requests)).toEqual(numbered(COUNT));
    // Order also among repeats: a retry or a rescued attempt never comes after its successor.
    const sequence = bodies(receiver.requests).map(Number);
    expect(sequence).toEqual(sequence.toSorted((a, b) => a - b));
    expect(journal.most).toBe(1);
  });

  test("never more than its parallelism is in flight for a key", async () => {
    const COUNT = 60;
    const journal = busyReceiver(60);
    await Promise.all(
      numbered(COUNT).map((body) =>
        client.publish({
          url: receiver.url,
          body,
          flowControl: { key: "narrow", parallelism: 4 },
        }),
      ),
    );
    await receiver.waitFor(15);
    // The receiver still works on what the killed one had sent: wait for it, then count anew.
    await dispatchers[1]?.end("SIGKILL");
    await until(async () => journal.now === 0 || journal.most > 8, 5_000).catch(() => undefined);
    await until(async () => distinct(receiver.requests).length === COUNT, 30_000);
    expect(journal.most).toBeLessThanOrEqual(4);
  });

  test("never more than the rate starts in a period that the first start opens", async () => {
    const COUNT = 22;
    const [rate, periodMs] = [5, 1_000];
    await Promise.all(
      numbered(COUNT).map((body) =>
        client.publish({
          url: receiver.url,
          body,
          flowControl: { key: "slow", rate, period: "1s" },
        }),
      ),
    );
    await receiver.waitFor(6);
    await dispatchers[2]?.end("SIGKILL");
    await until(async () => distinct(receiver.requests).length === COUNT, 30_000);
    const arrivals = receiver.requests.map(({ arrivedAt }) => arrivedAt);
    expect(mostInAPeriod(arrivals, periodMs)).toBeLessThanOrEqual(rate);
    // Slow enough to be right, fast enough to be useful: no period is wasted.
    const [first = 0, last = 0] = [arrivals[0], arrivals.at(-1)];
    expect(last - first).toBeLessThan((COUNT / rate + 3) * periodMs);
  });
});

test("02 §7 a rate holds where connections take longer than a start may be late", async () => {
  const proxy = await startConnectProxy(() => undefined, { delayMs: 400 });
  await Promise.all(dispatchers.map((child) => child.end("SIGKILL")));
  const slow = start("dispatcher", { OMNISTORE_EGRESS_PROXY: `http://127.0.0.1:${proxy.port}` });
  dispatchers = [slow];
  const COUNT = 12;
  const [rate, periodMs] = [3, 1_000];
  await Promise.all(
    numbered(COUNT).map((body) =>
      client.publish({
        url: receiver.url,
        body,
        flowControl: { key: "far", rate, period: "1s" },
      }),
    ),
  );
  await until(async () => distinct(receiver.requests).length === COUNT, 30_000);
  const arrivals = receiver.requests.map(({ arrivedAt }) => arrivedAt);
  expect(mostInAPeriod(arrivals, periodMs)).toBeLessThanOrEqual(rate);
  // What came too late to start was no attempt, and nothing was sent twice.
  expect(receiver.requests).toHaveLength(COUNT);
  expect(new Set(receiver.requests.map(({ headers }) => headers["upstash-retried"]))).toEqual(
    new Set(["0"]),
  );
  await slow.end("SIGKILL");
  await proxy.close();
});

describe("03 §2 queues", () => {
  test("a paused queue keeps accepting, and resumes within a second", async () => {
    const queue = client.queue({ queueName: "pausable" });
    await queue.upsert({ parallelism: 1, paused: true });
    for (const body of numbered(3)) await queue.enqueue({ url: receiver.url, body });
    await expect(queue.get()).resolves.toMatchObject({ name: "pausable", paused: true, lag: 3 });
    expect(receiver.requests).toEqual([]);
    const resumedAt = performance.timeOrigin + performance.now();
    await queue.resume();
    const [first] = await receiver.waitFor(1);
    expect((first?.arrivedAt ?? Infinity) - resumedAt).toBeLessThan(1_000);
    await receiver.waitFor(3);
    expect(bodies(receiver.requests)).toEqual(numbered(3));
    await until(async () => (await queue.get()).lag === 0);
    await queue.pause();
    await expect(queue.get()).resolves.toMatchObject({ paused: true });
  });

  test("an enqueue makes the queue, and never resets its parallelism", async () => {
    const queue = client.queue({ queueName: "made" });
    await queue.enqueueJSON({ url: receiver.url, body: { n: 1 } });
    await expect(queue.get()).resolves.toMatchObject({ parallelism: 1, paused: false });
    await queue.upsert({ parallelism: 3 });
    await queue.enqueueJSON({ url: receiver.url, body: { n: 2 } });
    await expect(queue.get()).resolves.toMatchObject({ parallelism: 3 });
    const names = (await queue.list()).map(({ name }) => name);
    expect(names).toEqual(["made"]);
    await receiver.waitFor(2);
    await queue.delete();
    await expect(queue.get()).rejects.toMatchObject({ status: 404 });
    await queue.delete();
  });

  test("02 §7 the next message waits until the callbacks of the one before are done", async () => {
    const queue = client.queue({ queueName: "called-back" });
    receiver.reply("/callback", () => ({ status: 200, delayMs: 200 }));
    for (const body of numbered(3)) {
      await queue.enqueue({
        url: `${receiver.url}/work`,
        body,
        callback: `${receiver.url}/callback`,
      });
    }
    await receiver.waitFor(6);
    expect(receiver.requests.map(({ url }) => url)).toEqual([
      "/work",
      "/callback",
      "/work",
      "/callback",
      "/work",
      "/callback",
    ]);
    const [, callback, next] = receiver.requests;
    expect((next?.arrivedAt ?? 0) - (callback?.arrivedAt ?? 0)).toBeGreaterThanOrEqual(200);
  });
});

describe("03 §6 flow-control keys", () => {
  test("a key is seen with its rules, what waits and what is under way", async () => {
    receiver.reply(() => "hang");
    for (const body of numbered(3)) {
      await client.publish({
        url: receiver.url,
        body,
        flowControl: { key: "seen", parallelism: 1, rate: 10, period: "1m" },
      });
    }
    await receiver.waitFor(1);
    await expect(client.flowControl.get("seen")).resolves.toMatchObject({
      flowControlKey: "seen",
      waitListSize: 2,
      parallelismMax: 1,
      parallelismCount: 1,
      rateMax: 10,
      rateCount: 1,
      ratePeriod: 60,
      isPaused: false,
      isPinnedParallelism: false,
      isPinnedRate: false,
    });
    // Every dispatcher that runs brings what it can have leased.
    const all = await until(async () => {
      const { parallelismCount, parallelismMax } = await client.flowControl.getGlobalParallelism();
      return parallelismMax === 3 * (256 + 2_048 + 4_096) && { parallelismCount };
    });
    expect(all).toEqual({ parallelismCount: 1 });
  });

  test("paused, pinned, unpinned and reset, a key does what it is told", async () => {
    const key = "told";
    const publish = (body: string) =>
      client.publish({ url: receiver.url, body, flowControl: { key, rate: 1, period: "1d" } });
    await client.flowControl.pause(key);
    await publish("0");
    await publish("1");
    await publish("2");
    expect((await client.flowControl.get(key)).waitListSize).toBe(3);
    await client.flowControl.resume(key);
    await receiver.waitFor(1);
    await client.flowControl.resetRate(key);
    await receiver.waitFor(2);
    await client.flowControl.pin(key, { rate: 100, period: 60 });
    await receiver.waitFor(3);
    await publish("3");
    await receiver.waitFor(4);
    await expect(client.flowControl.get(key)).resolves.toMatchObject({
      rateMax: 100,
      ratePeriod: 60,
      isPinnedRate: true,
      isPinnedParallelism: false,
    });
    await client.flowControl.unpin(key, { rate: true });
    await expect(client.flowControl.get(key)).resolves.toMatchObject({
      rateMax: 100,
      isPinnedRate: false,
    });
    await publish("4");
    await expect(client.flowControl.get(key)).resolves.toMatchObject({ rateMax: 1 });
    expect(bodies(receiver.requests).slice(0, 4)).toEqual(numbered(4));
  });
});

/** Periods as the contract counts them: each is opened by the first start after the one before. */
function mostInAPeriod(arrivals: readonly number[], periodMs: number): number {
  let openedAt = -Infinity;
  let count = 0;
  let most = 0;
  for (const arrival of arrivals) {
    if (arrival >= openedAt + periodMs) {
      openedAt = arrival;
      count = 0;
    }
    count += 1;
    most = Math.max(most, count);
  }
  return most;
}
