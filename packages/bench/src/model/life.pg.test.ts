import { connect, type Pool } from "@omnistore/db/client";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { brokenPromises, keepsRate, type Life } from "./life.ts";
import { runLife } from "./run.ts";
import { steps } from "./steps.ts";

/** As many as half a minute holds; more by command: pnpm soak:model. */
const SEEDS = 300;

let database: FreshDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await freshDatabase();
  pool = connect({ databaseUrl: database.url, maxConnections: 2 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

test("whatever happens to messages, in whatever order, they keep their promises and end once", async () => {
  const property = fc.asyncProperty(steps, (taken) => runLife(pool, taken));
  const result = await fc.check(property, { numRuns: SEEDS });
  expect(fc.defaultReportMessage(result)).toBeUndefined();
}, 180_000);

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
