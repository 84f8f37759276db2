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
/** A third of the slow slots of a dispatcher. */
const MOST_SLOW = 683;
/** And all of the others. */
const MOST_AT_ONCE = MOST_SLOW + 256;

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
  const lateness = arrivalsAt("/quick").map(
    ({ arrivedAt, body }) => arrivedAt - performance.timeOrigin - Number(body),
  );
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
  for (let sent = 0; sent < HANGING_MESSAGES; sent += 600) {
    await slow.client.batch(
      Array.from({ length: 600 }, () => ({ url: `${receiver.url}/hangs`, body: "x" })),
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
  const lateness = arrivalsAt("/queued").map(
    ({ arrivedAt, body }) => arrivedAt - performance.timeOrigin - Number(body),
  );
  expect(Math.max(...lateness)).toBeLessThan(1_000);

  expect(arrivalsAt("/hangs").length).toBeLessThan(HANGING_MESSAGES);
  await until(async () => arrivalsAt("/hangs").length >= HANGING_MESSAGES, 30_000);
  expect(performance.now() - answersAt).toBeLessThan(2_500);
});
