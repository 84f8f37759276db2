import { setTimeout as sleep } from "node:timers/promises";

import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, expect, test } from "vitest";

import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN, createTenant } from "./tenant.ts";

const ANSWER_MS = 3_000;
const SLOW_MESSAGES = 1_500;
const QUICK_MESSAGES = 40;
const HANGING_MESSAGES = 1_800;
/** A fifth of the slow slots of a dispatcher, for one host; a third, for all of a tenant. */
const MOST_OF_HOST = 410;
const MOST_SLOW = 683;
/** A host's, and all slots that are for a moment only. */
const MOST_AT_ONCE = MOST_OF_HOST + 256;

let node: RunningNode;
let receiver: Receiver;
beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await node.stop();
});

test("a host that hangs holds up no other host of the same tenant, and gets all in the end", async () => {
  const answersAt = performance.now() + 8_000;
  receiver.reply("/silent", () => ({
    status: 200,
    delayMs: Math.max(0, answersAt - performance.now()),
  }));
  const { client } = await createTenant(node, "two hosts");
  const silent = `${receiver.url.replace("127.0.0.1", "localhost")}/silent`;
  for (let sent = 0; sent < 1_200; sent += 600) {
    await client.batch(Array.from({ length: 600 }, () => ({ url: silent, body: "x" })));
  }
  await until(async () => arrivalsAt("/silent").length >= MOST_OF_HOST);
  for (let sent = 0; sent < 20; sent += 1) {
    await client.publish({ url: `${receiver.url}/other`, body: String(performance.now()) });
    await sleep(50);
  }
  await until(async () => arrivalsAt("/other").length >= 20);
  expect(Math.max(...latenessAt("/other"))).toBeLessThan(1_000);
  expect(performance.now()).toBeLessThan(answersAt);
  expect(arrivalsAt("/silent").length).toBeLessThanOrEqual(MOST_AT_ONCE);
  await until(async () => arrivalsAt("/silent").length >= 1_200, 20_000);
});

test("a tenant whose receivers hardly answer holds up nobody else, and loses nothing itself", async () => {
  receiver.reply("/slow", () => ({ status: 200, delayMs: ANSWER_MS }));
  const slow = await createTenant(node, "slow");
  const quick = await createTenant(node, "quick");
  const url = `${receiver.url}/slow`;
  for (let sent = 0; sent < SLOW_MESSAGES; sent += 500) {
    await slow.client.batch(
      Array.from({ length: 500 }, (_, index) => ({ url, body: String(sent + index) })),
    );
  }

  for (let index = 0; index < QUICK_MESSAGES; index += 1) {
    await quick.client.publish({ url: `${receiver.url}/quick`, body: String(performance.now()) });
    await sleep(50);
  }
  await until(async () => arrivalsAt("/quick").length >= QUICK_MESSAGES);
  const lateness = latenessAt("/quick");
  // The first burst of slow attempts holds the slots for a moment, until they are found to be slow.
  expect(Math.max(...lateness)).toBeLessThan(1_500);

  await until(async () => arrivalsAt("/slow").length >= SLOW_MESSAGES, 30_000);
  const slowOnes = arrivalsAt("/slow");
  expect(new Set(slowOnes.map(({ body }) => body.toString())).size).toBe(SLOW_MESSAGES);
  expect(slowOnes).toHaveLength(SLOW_MESSAGES);
  expect(mostAtOnce(slowOnes.map(({ arrivedAt }) => arrivedAt))).toBeLessThanOrEqual(MOST_AT_ONCE);
});

function arrivalsAt(path: string) {
  return receiver.requests.filter((request) => request.url === path);
}

/** Each is under way from its arrival to its answer, ascending. */
function mostAtOnce(arrivals: readonly number[]): number {
  return Math.max(
    ...arrivals.map((at) => arrivals.filter((from) => from <= at && at < from + ANSWER_MS).length),
  );
}

test("while a tenant's receivers hang, queues of others move, and what was put aside follows soon after", async () => {
  const answersAt = performance.now() + 5_000;
  receiver.reply("/hangs", () => ({
    status: 200,
    delayMs: Math.max(0, answersAt - performance.now()),
  }));
  const slow = await createTenant(node, "hangs");
  const busy = await createTenant(node, "busy");
  const queued = await createTenant(node, "queued");
  // Three hosts, or the tenant would have room beside the one.
  const hosts = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"].map((host) =>
    receiver.url.replace("127.0.0.1", host),
  );
  for (let sent = 0; sent < HANGING_MESSAGES; sent += 600) {
    await slow.client.batch(
      Array.from({ length: 600 }, (_, index) => ({
        url: `${hosts[index % hosts.length]}/hangs`,
        body: "x",
      })),
    );
  }
  await until(async () => arrivalsAt("/hangs").length >= MOST_SLOW);
  // The queue is looked at all the time, for the sake of somebody else.
  await busy.client.batch(
    Array.from({ length: 400 }, (_, index) => ({
      url: `${receiver.url}/busy`,
      notBefore: Math.floor(Date.now() / 1000) + 1 + (index % 4),
    })),
  );
  const queue = queued.client.queue({ queueName: "q" });
  for (let sent = 0; sent < 10; sent += 1) {
    await queue.enqueue({ url: `${receiver.url}/queued`, body: String(performance.now()) });
    await sleep(100);
  }
  await until(async () => arrivalsAt("/queued").length >= 10);
  const lateness = latenessAt("/queued");
  expect(Math.max(...lateness)).toBeLessThan(1_000);

  expect(arrivalsAt("/hangs").length).toBeLessThan(HANGING_MESSAGES);
  await until(async () => arrivalsAt("/hangs").length >= HANGING_MESSAGES, 30_000);
  expect(performance.now() - answersAt).toBeLessThan(2_500);
});

/** Milliseconds from when each was sent, which is its body, to its arrival. */
function latenessAt(path: string): readonly number[] {
  return arrivalsAt(path).map(
    ({ arrivedAt, body }) => arrivedAt - performance.timeOrigin - Number(body),
  );
}
