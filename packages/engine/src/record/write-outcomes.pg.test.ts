import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { claimDeliveries } from "../claim/claim-deliveries.sql.ts";
import { rescueExpired } from "../rescue/rescue-expired.sql.ts";
import { writeOutcomes } from "./write-outcomes.sql.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

/** A delivery that was taken from its dispatcher and leased anew, with both leases. */
async function leaseTwice() {
  const late = await engine.lease();
  await engine.core.pool.query("DELETE FROM dispatchers WHERE id = $1", [late.owner]);
  await rescueExpired(engine.core.pool, 60_000);
  const owner = await engine.dispatcher();
  const { leased } = await claimDeliveries(engine.core.pool, owner, 500);
  const fresh = leased.find(({ messageId }) => messageId === late.messageId);
  if (!fresh) throw new Error("the rescued delivery was not claimed");
  return { late, fresh };
}

describe("the fence", () => {
  test("the owner ends its attempt: the row leaves and the attempt is logged", async () => {
    const leased = await engine.lease();
    const logged = await engine.count("delivery_logs");
    await expect(writeOutcomes(engine.core.pool, [engine.outcome(leased)])).resolves.toEqual([
      true,
    ]);
    expect(await engine.delivery(leased.messageId)).toBeUndefined();
    expect(await engine.count("delivery_logs")).toBe(logged + 1);
  });

  test("an outcome whose lease was lost changes nothing and logs nothing", async () => {
    const leased = await engine.lease();
    await engine.core.pool.query("DELETE FROM dispatchers WHERE id = $1", [leased.owner]);
    await expect(rescueExpired(engine.core.pool, 60_000)).resolves.toBeGreaterThanOrEqual(1);
    const logged = await engine.count("delivery_logs");

    await expect(writeOutcomes(engine.core.pool, [engine.outcome(leased)])).resolves.toEqual([
      false,
    ]);
    expect(await engine.delivery(leased.messageId)).toMatchObject({ owner: null, retried: 0 });
    expect(await engine.count("delivery_logs")).toBe(logged);
  });

  test("a late worker cannot overwrite what the new one recorded", async () => {
    const { late, fresh } = await leaseTwice();
    const retry = engine.outcome(fresh, { outcome: "retry", retryDelayMs: 60_000, status: 500 });
    await expect(writeOutcomes(engine.core.pool, [retry])).resolves.toEqual([true]);
    const dead = makeUuidV7({ unixMs: Date.now(), random: new Uint8Array(10) });
    const buried = engine.outcome(late, { outcome: "dead", deadLetterId: dead });
    await expect(writeOutcomes(engine.core.pool, [buried])).resolves.toEqual([false]);
    expect(await engine.delivery(late.messageId)).toMatchObject({ retried: 1, owner: null });
    expect(await engine.delivery(late.messageId)).toHaveProperty("due_at", expect.any(Date));
  });

  test("a late outcome in one batch with the one that counts does not count with it", async () => {
    const { late, fresh } = await leaseTwice();
    const logged = await engine.count("delivery_logs");
    const inTime = engine.outcome(fresh);
    // On another day, so that the key of the log does not keep it out.
    const tooLate = engine.outcome(late, { endedAtMs: inTime.endedAtMs + 86_400_000 });
    await expect(writeOutcomes(engine.core.pool, [tooLate, inTime])).resolves.toEqual([
      false,
      true,
    ]);
    expect(await engine.count("delivery_logs")).toBe(logged + 1);
  });

  test("one batch ends some, delays some, buries some and leaves what is not owned", async () => {
    const [done, again, dead, lost] = [
      await engine.lease(),
      await engine.lease(),
      await engine.lease(),
      await engine.lease(),
    ];
    const letters = await engine.count("dead_letters");
    const counted = await writeOutcomes(engine.core.pool, [
      engine.outcome(done),
      engine.outcome(again, { outcome: "retry", retryDelayMs: 1_000, status: 503, error: "busy" }),
      engine.outcome(dead, {
        outcome: "dead",
        deadLetterId: makeUuidV7({ unixMs: Date.now(), random: new Uint8Array(10).fill(1) }),
        status: 500,
        responseHeaders: { "X-A": ["1"] },
        responseBody: Buffer.from([0, 255]),
        error: "destination answered 500",
      }),
      engine.outcome({ ...lost, owner: done.owner }),
    ]);
    expect(counted).toEqual([true, true, true, false]);
    expect(await engine.delivery(done.messageId)).toBeUndefined();
    expect(await engine.delivery(again.messageId)).toMatchObject({ retried: 1 });
    expect(await engine.delivery(dead.messageId)).toBeUndefined();
    expect(await engine.delivery(lost.messageId)).toMatchObject({ owner: lost.owner });
    expect(await engine.count("dead_letters")).toBe(letters + 1);
  });
});

/** Rows of `deliveries` that a transaction read so far, in whatever way. */
const ROWS_READ = `
SELECT pg_stat_get_xact_tuples_returned('deliveries_leased'::regclass)
  + pg_stat_get_xact_tuples_returned('deliveries'::regclass)
  + pg_stat_get_xact_tuples_returned('deliveries_pkey'::regclass) AS read`;

test("recording reads by key, also under a held snapshot when the statistics say that the queue is empty", async () => {
  const own = await startEngine();
  const { pool } = own.core;
  const owner = await own.dispatcher();
  const holder = await pool.connect();
  const client = await pool.connect();
  try {
    await holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM tenants");
    // What many finished deliveries of one owner leave behind.
    await pool.query(
      `INSERT INTO deliveries (tenant_id, message_id, owner, leased_at)
       SELECT gen_random_uuid(), gen_random_uuid(), $1, now() FROM generate_series(1, 5000)`,
      [owner],
    );
    await pool.query("DELETE FROM deliveries WHERE owner = $1", [owner]);
    await own.owner.query("ANALYZE deliveries");
    await Promise.all(Array.from({ length: 20 }, () => own.store()));
    const { leased } = await claimDeliveries(pool, owner, 20);
    await client.query("BEGIN");
    const batch = leased.map((delivery) => own.outcome(delivery));
    const counted = await writeOutcomes(client, batch);
    const { rows } = await client.query<{ read: string }>(ROWS_READ);
    expect(counted).toEqual(Array(20).fill(true));
    expect(Number(rows[0]?.read)).toBeLessThan(100);
    await client.query("COMMIT");
  } finally {
    client.release();
    await holder.query("ROLLBACK");
    holder.release();
    await own.stop();
  }
});

test("a connection that prepared its recording on an empty queue reads a full one by key", async () => {
  const own = await startEngine();
  const { pool } = own.core;
  const owner = await own.dispatcher();
  const client = await pool.connect();
  try {
    // As after its first few executions, when Postgres goes over to the plan that it keeps.
    await client.query("SET plan_cache_mode = force_generic_plan");
    await writeOutcomes(client, []);
    await pool.query(
      `INSERT INTO deliveries (tenant_id, message_id, owner, leased_at)
       SELECT gen_random_uuid(), gen_random_uuid(), $1, now() FROM generate_series(1, 5000)`,
      [owner],
    );
    await Promise.all(Array.from({ length: 20 }, () => own.store()));
    const { leased } = await claimDeliveries(pool, owner, 20);
    await client.query("BEGIN");
    const counted = await writeOutcomes(
      client,
      leased.map((delivery) => own.outcome(delivery)),
    );
    const { rows } = await client.query<{ read: string }>(ROWS_READ);
    expect(counted).toEqual(Array(20).fill(true));
    expect(Number(rows[0]?.read)).toBeLessThan(100);
    const prepared = await client.query<{ name: string; generic_plans: string }>(
      "SELECT name, generic_plans FROM pg_prepared_statements WHERE name = 'write-outcomes'",
    );
    expect(prepared.rows).toEqual([{ name: "write-outcomes", generic_plans: "2" }]);
    await client.query("COMMIT");
  } finally {
    client.release(true);
    await own.stop();
  }
});
