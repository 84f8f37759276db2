import { connect, type Pool } from "@omnistore/db/client";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { brokenPromises, keepsRate, type Life } from "./life.ts";
import { runLife } from "./run.ts";
import { steps } from "./steps.ts";

/** More by command: pnpm soak:model. */
const SEEDS = 2_000;
/** Runs side by side, each in a database of its own, as claims know no tenants: one waits while another computes. */
const LANES = 4;

let databases: readonly FreshDatabase[];
let pools: readonly Pool[];
beforeAll(async () => {
  databases = await Promise.all(Array.from({ length: LANES }, () => freshDatabase()));
  pools = databases.map(({ url }) => connect({ databaseUrl: url, maxConnections: 2 }));
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await Promise.all(databases.map((database) => database.drop()));
});

test("whatever happens to messages, in whatever order, they keep their promises and end once", async () => {
  const lanes = pools.map(async (pool) => {
    const property = fc.asyncProperty(steps, (taken) => runLife(pool, taken));
    return fc.defaultReportMessage(await fc.check(property, { numRuns: SEEDS / LANES }));
  });
  const failures = await Promise.all(lanes);
  expect(failures).toEqual(failures.map(() => undefined));
}, 400_000);

const life = (over: Partial<Life>): Life => ({
  id: "a",
  place: "leased",
  dueMs: null,
  owner: "me",
  leasedMs: 0,
  retried: 0,
  queue: "q",
  queuePassed: true,
  flow: null,
  ...over,
});

test("the model itself tells broken promises from kept ones", () => {
  const flows = new Map([["k", { parallelism: 1 }]]);
  expect(brokenPromises([life({})], ["a"], flows)).toEqual([]);
  expect(brokenPromises([life({}), life({ id: "b" })], ["a", "b"], flows)).toHaveLength(1);
  const waiting = life({ id: "b", place: "at queue", owner: null, queuePassed: false });
  expect(brokenPromises([life({}), waiting], ["a", "b"], flows)).toEqual([]);
  expect(brokenPromises([life({}), waiting], ["b", "a"], flows)).toHaveLength(1);
  const inFlow = (id: string) => life({ id, queue: null, queuePassed: false, flow: "k" });
  expect(brokenPromises([inFlow("a")], [], flows)).toEqual([]);
  expect(brokenPromises([inFlow("a"), inFlow("b")], [], flows)).toHaveLength(1);
  expect(keepsRate([0, 1, 60_000], 2)).toBe(true);
  expect(keepsRate([0, 1, 59_999], 2)).toBe(false);
});
