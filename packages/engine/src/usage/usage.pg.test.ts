import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import { dropExpiredPartitions } from "@omnistore/db/partitions";
import { NO_USAGE } from "@omnistore/domain/tenant/usage";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";

import { writeOutcomes, type Outcome } from "../record/write-outcomes.sql.ts";
import { rollUpUsage } from "./roll-up-usage.sql.ts";
import { selectUsage } from "./select-usage.sql.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

const DAY = 86_400_000;
const used = async (tenantId = engine.tenantId) => {
  const nowMs = engine.core.clock.nowMs();
  const hours = await selectUsage(engine.core.pool, tenantId, {
    fromMs: nowMs - DAY,
    toMs: nowMs + DAY,
  });
  return hours.reduce(
    (sum, each) => ({
      publishes: sum.publishes + each.publishes,
      deliveries: sum.deliveries + each.deliveries,
      attempts: sum.attempts + each.attempts,
      bytesIn: sum.bytesIn + each.bytesIn,
      bytesOut: sum.bytesOut + each.bytesOut,
    }),
    NO_USAGE,
  );
};

async function outcome(kind: Outcome["outcome"]): Promise<Outcome> {
  const owner = await engine.dispatcher();
  const message = await engine.store({ body: Buffer.alloc(10) }, { owner });
  const nowMs = engine.core.clock.nowMs();
  return {
    leased: { tenantId: engine.tenantId, messageId: message.id, owner, retried: 0, isGated: false },
    outcome: kind,
    startedAtMs: nowMs,
    endedAtMs: nowMs,
    retryDelayMs: kind === "retry" ? 1_000 : null,
    deadLetterId:
      kind === "dead" ? makeUuidV7({ unixMs: Math.floor(nowMs), random: randomBytes(10) }) : null,
    status: 200,
    responseHeaders: null,
    responseBody: null,
    error: null,
    sentBytes: 10,
    callbacks: [],
  };
}

test("a duplicate is no message, and tenants are counted apart", async () => {
  const stranger = "00000000-0000-7000-8000-0000000000ff";
  const key = Buffer.alloc(32, 1);
  await engine.store({}, { deduplicationKey: key });
  await engine.store({}, { deduplicationKey: key });
  await engine.store({ tenantId: stranger, body: Buffer.alloc(1_000) });
  expect(await used()).toEqual({ ...NO_USAGE, publishes: 1, bytesIn: 4 });
  expect(await used(stranger)).toEqual({ ...NO_USAGE, publishes: 1, bytesIn: 1_000 });
});

test("an outcome counts once, when it counts: one that comes too late is no attempt", async () => {
  const all = [await outcome("delivered"), await outcome("retry"), await outcome("dead")];
  await writeOutcomes(engine.core.pool, all);
  await writeOutcomes(engine.core.pool, all);
  expect(await used()).toEqual({
    publishes: 3,
    deliveries: 1,
    attempts: 3,
    bytesIn: 30,
    bytesOut: 30,
  });
});

test("a statement that fails counts nothing", async () => {
  await engine.owner.query("ALTER TABLE messages ADD CHECK (destination <> 'http://bad/')");
  await expect(engine.store({ destination: "http://bad/" })).rejects.toThrow("check constraint");
  expect(await used()).toEqual(NO_USAGE);
});

test("the roll-up moves every row once, whoever writes, reads and rolls up beside it", async () => {
  const done = new AbortController();
  const seen: number[] = [];
  const whileWriting = async (work: () => Promise<unknown>) => {
    while (!done.signal.aborted) await work();
  };
  const beside = [
    whileWriting(async () => seen.push((await used()).publishes)),
    whileWriting(() => rollUpUsage(engine.core.pool)),
    whileWriting(() => rollUpUsage(engine.core.pool)),
  ];
  for (let count = 0; count < 200; count += 1) await engine.store();
  done.abort();
  await Promise.all(beside);
  await rollUpUsage(engine.core.pool);
  expect(await engine.count("usage_batches")).toBe(0);
  expect(await used()).toEqual({ ...NO_USAGE, publishes: 200, bytesIn: 800 });
  // Nothing vanishes for a moment on its way.
  expect(seen).toEqual(seen.toSorted((left, right) => left - right));
  expect(seen.length).toBeGreaterThan(5);
});

test("a day that was not rolled up is not dropped", async () => {
  const { pool } = engine.core;
  await engine.owner.query(
    `CREATE TABLE usage_batches_20200101 PARTITION OF usage_batches
     FOR VALUES FROM ('2020-01-01') TO ('2020-01-02');
     SELECT raise_wall('usage_batches_20200101', true)`,
  );
  await pool.query(
    `INSERT INTO usage_batches (tenant_id, used_on, hour, publishes) VALUES ($1, '2020-01-01', '2020-01-01', 5)`,
    [engine.tenantId],
  );
  expect(await dropExpiredPartitions(pool)).not.toContain("usage_batches_20200101");
  expect(await rollUpUsage(pool)).toBe(1);
  expect(await dropExpiredPartitions(pool)).toContain("usage_batches_20200101");
  const range = { fromMs: Date.UTC(2020, 0), toMs: Date.UTC(2020, 1) };
  expect(await selectUsage(pool, engine.tenantId, range)).toMatchObject([{ publishes: 5 }]);
});
