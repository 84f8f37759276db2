import { randomUUID } from "node:crypto";

import type { Queryable } from "@omnistore/db/client";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { claimDeliveries } from "./claim-deliveries.sql.ts";
import { promoteDue } from "./promote-due.sql.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

/** Entries of the index of ready deliveries that this connection's transaction read. */
async function rowsRead(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ read: string }>(
    "SELECT pg_stat_get_xact_tuples_returned('deliveries_ready'::regclass) AS read",
  );
  return Number(rows[0]?.read);
}

describe("claim", () => {
  test("takes ready deliveries in the order of their virtual times", async () => {
    const owner = await engine.dispatcher();
    const third = await engine.store({}, { virtualTime: 3_000 });
    const first = await engine.store({}, { virtualTime: 1_000 });
    const second = await engine.store({}, { virtualTime: 2_000 });
    const one = await claimDeliveries(engine.core.pool, owner, 1);
    expect(one.leased).toEqual([
      { tenantId: engine.tenantId, messageId: first.id, owner, retried: 0, isGated: false },
    ]);
    const rest = await claimDeliveries(engine.core.pool, owner, 10);
    expect(rest.leased.map(({ messageId }) => messageId).toSorted()).toEqual(
      [second.id, third.id].toSorted(),
    );
  });

  test("gives no delivery to two dispatchers that claim at once", async () => {
    await Promise.all(Array.from({ length: 200 }, () => engine.store()));
    const owners = await Promise.all(Array.from({ length: 4 }, () => engine.dispatcher()));
    const claims = await Promise.all(
      owners.flatMap((owner) =>
        Array.from({ length: 5 }, () => claimDeliveries(engine.core.pool, owner, 20)),
      ),
    );
    const taken = claims.flatMap(({ leased }) => leased.map(({ messageId }) => messageId));
    expect(taken.length).toBeGreaterThan(100);
    expect(new Set(taken).size).toBe(taken.length);
  });

  test("gives nothing to a dispatcher that is not alive", async () => {
    await engine.store();
    await expect(claimDeliveries(engine.core.pool, randomUUID(), 10)).resolves.toMatchObject({
      leased: [],
      nextDueInMs: null,
      nextGateInMs: null,
      hasParked: false,
    });
  });

  test("reads none of what left the queue under a held snapshot, from the floor of an earlier claim", async () => {
    const owner = await engine.dispatcher();
    const holder = await engine.core.pool.connect();
    await holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM tenants");
    for (let batch = 0; batch < 20; batch += 1) {
      await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          engine.store({}, { virtualTime: 1_000 + batch * 100 + index }),
        ),
      );
      await claimDeliveries(engine.core.pool, owner, 100);
    }
    await engine.store({}, { virtualTime: 9_000 });
    const client = await engine.core.pool.connect();
    const options = { fromVirtualTime: 5_000 };
    await client.query("BEGIN");
    const before = await rowsRead(client);
    const { leased, reached, claimedAtMicros } = await claimDeliveries(client, owner, 1, options);
    const read = (await rowsRead(client)) - before;
    await client.query("COMMIT");
    client.release();
    await holder.query("ROLLBACK");
    holder.release();
    expect(leased).toHaveLength(1);
    expect(reached).toBe(9_000);
    expect(Math.abs(claimedAtMicros / 1000 - Date.now())).toBeLessThan(60_000);
    expect(read).toBeLessThan(50);
  });

  test("tells when the next delayed delivery is due, also with nothing to claim", async () => {
    const owner = await engine.dispatcher();
    await engine.store({ due: { kind: "after", delayMs: 60_000 } });
    await engine.store({ due: { kind: "after", delayMs: 30_000 } });
    const { leased, nextDueInMs } = await claimDeliveries(engine.core.pool, owner, 10);
    expect(leased).toEqual([]);
    expect(nextDueInMs).toBeGreaterThan(29_000);
    expect(nextDueInMs).toBeLessThanOrEqual(30_000);
  });
});

describe("promote", () => {
  test("makes ready what is due and nothing else", async () => {
    const owner = await engine.dispatcher();
    const due = await engine.store({ due: { kind: "after", delayMs: 1 } });
    const later = await engine.store({ due: { kind: "after", delayMs: 60_000 } });
    await new Promise((resolve) => setTimeout(resolve, 10));
    await expect(promoteDue(engine.core.pool, 100)).resolves.toMatchObject({ promoted: 1 });
    const { leased } = await claimDeliveries(engine.core.pool, owner, 10);
    expect(leased.map(({ messageId }) => messageId)).toEqual([due.id]);
    expect(await engine.delivery(later.id)).toMatchObject({ virtual_time: null, owner: null });
  });

  test("spreads a tenant's due deliveries so that another tenant's come in between", async () => {
    const other = randomUUID();
    for (let index = 0; index < 20; index += 1) {
      await engine.store({ due: { kind: "after", delayMs: 1 } });
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    const quiet = await engine.store({ tenantId: other, due: { kind: "after", delayMs: 1 } });
    await new Promise((resolve) => setTimeout(resolve, 10));
    await promoteDue(engine.core.pool, 100);
    const { leased } = await claimDeliveries(engine.core.pool, await engine.dispatcher(), 3);
    expect(leased.map(({ messageId }) => messageId)).toContain(quiet.id);
  });

  test("of a tenant with more due than one promotion takes, those of later ones line up behind the first", async () => {
    const { pool } = engine.core;
    await pool.query(
      `INSERT INTO deliveries (tenant_id, message_id, due_at)
       SELECT $1, gen_random_uuid(), now() - interval '1 s' FROM generate_series(1, 2000)`,
      [randomUUID()],
    );
    let places: ReadonlyMap<string, number> = new Map();
    for (let batch = 0; batch < 4; batch += 1) {
      const promotion = await promoteDue(pool, 500, places);
      expect(promotion.promoted).toBe(500);
      places = promotion.places;
    }
    // Each batch spans half a second of places: by now those that began at the clock would all be due.
    await new Promise((resolve) => setTimeout(resolve, 600));
    const quiet = await engine.store({
      tenantId: randomUUID(),
      due: { kind: "after", delayMs: 0 },
    });
    await promoteDue(pool, 500, places);
    const { leased } = await claimDeliveries(pool, await engine.dispatcher(), 1_500);
    expect(leased.map(({ messageId }) => messageId)).toContain(quiet.id);
  });
});
