import { randomBytes } from "node:crypto";

import { createCore, type EngineCore } from "@omnistore/engine/core";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { brokenPromises, keepsRate, type Life } from "./life.ts";
import { runLife } from "./run.ts";
import { steps, STATEMENTS_OF_A_RECORD, type Step } from "./steps.ts";

/** More by command: pnpm soak:model. */
const SEEDS = 2_000;
/** Runs side by side, each in a database of its own, as claims know no tenants: one waits while another computes. */
const LANES = 4;

let databases: readonly FreshDatabase[];
let cores: readonly EngineCore[];
beforeAll(async () => {
  databases = await Promise.all(Array.from({ length: LANES }, () => freshDatabase()));
  cores = databases.map(({ url }) =>
    createCore({ databaseUrl: url, encryptionKey: randomBytes(32), sealsContent: true }),
  );
  await Promise.all(cores.map((core) => core.start()));
});
afterAll(async () => {
  await Promise.all(cores.map((core) => core.stop()));
  await Promise.all(databases.map((database) => database.drop()));
});

test("whatever happens to messages, in whatever order, they keep their promises and end once", async () => {
  const lanes = cores.map(async (core) => {
    const property = fc.asyncProperty(steps, (taken) => runLife(core, taken));
    return fc.defaultReportMessage(await fc.check(property, { numRuns: SEEDS / LANES }));
  });
  const failures = await Promise.all(lanes);
  expect(failures).toEqual(failures.map(() => undefined));
}, 400_000);

/** An engine whose transactions are none: each statement stays, whatever becomes of the next. */
function withoutTransactions(core: EngineCore): EngineCore {
  async function connect(): Promise<unknown> {
    const client = await core.pool.connect();
    const send: unknown = Reflect.get(client, "query");
    if (typeof send !== "function") throw new Error("a connection takes queries");
    const query = (...words: unknown[]): unknown =>
      /^(BEGIN|COMMIT)/.test(String(words[0]))
        ? Promise.resolve()
        : Reflect.apply(send, client, words);
    return Object.assign(Object.create(client) as object, { query });
  }
  const pool = new Proxy(core.pool, {
    get(real, name) {
      const member: unknown = name === "connect" ? connect : Reflect.get(real, name, real);
      return typeof member === "function" ? (member.bind(real) as unknown) : member;
    },
  });
  return { ...core, pool };
}

test("the model finds a callback that was lost because it is not stored together with its outcome", async () => {
  const [core] = cores;
  if (core === undefined) throw new Error("there is one lane at least");
  const callback = { delayMs: 0, flow: null };
  const what = { delayMs: 0, queue: null, flow: null, deduplication: null, failureCallback: null };
  const cutOff = (statement: number): Step[] => [
    { kind: "publish", what: { ...what, callback }, maxRetries: 0 },
    { kind: "claim", by: 0, count: 1 },
    {
      kind: "record, cut off",
      outcomes: [{ lease: 0, isOk: true }],
      statement,
      by: 0,
      end: "die",
    },
  ];
  const broken = withoutTransactions(core);
  for (let statement = 0; statement <= STATEMENTS_OF_A_RECORD; statement += 1) {
    await expect(runLife(core, cutOff(statement))).resolves.toBeUndefined();
    // Between the outcome and its callback; nothing is given back here.
    const run = runLife(broken, cutOff(statement));
    if (statement === 5 || statement === 6) await expect(run).rejects.toThrow("it is gone");
    // Charged, and nothing was recorded.
    else if (statement === 3 || statement === 4)
      await expect(run).rejects.toThrow("counted against the day");
    else await expect(run).resolves.toBeUndefined();
  }
});

const life = (over: Partial<Life>): Life => ({
  id: "a",
  family: over.id ?? "a",
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
  expect(brokenPromises([life({}), life({ id: "b", family: "a" })], ["a"], flows)).toEqual([]);
  const waiting = life({ id: "b", place: "at queue", owner: null, queuePassed: false });
  expect(brokenPromises([life({}), waiting], ["a", "b"], flows)).toEqual([]);
  expect(brokenPromises([life({}), waiting], ["b", "a"], flows)).toHaveLength(1);
  const inFlow = (id: string) => life({ id, queue: null, queuePassed: false, flow: "k" });
  expect(brokenPromises([inFlow("a")], [], flows)).toEqual([]);
  expect(brokenPromises([inFlow("a"), inFlow("b")], [], flows)).toHaveLength(1);
  expect(keepsRate([0, 1, 60_000], 2)).toBe(true);
  expect(keepsRate([0, 1, 59_999], 2)).toBe(false);
});
