import { randomBytes } from "node:crypto";

import { dropExpiredPartitions } from "@omnistore/db/partitions";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createTenant } from "../tenant/create-tenant.ts";
import { forgetHistory } from "./forget-history.sql.ts";

const DAY_MS = 86_400_000;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

async function newTenant(limits: Readonly<Record<string, number>> = {}): Promise<string> {
  const { id } = await createTenant(engine.core, "t");
  await engine.core.pool.query("UPDATE tenants SET limits = $2 WHERE tenant_id = $1", [id, limits]);
  return id;
}

/** A message that died so many days ago, with its attempt. */
async function die(tenantId: string, daysAgo: number): Promise<void> {
  const unixMs = Math.floor(engine.core.clock.nowMs()) - daysAgo * DAY_MS;
  const day = new Date(unixMs).toISOString().slice(0, 10);
  for (const table of ["delivery_logs", "dead_letters"]) {
    const name = `${table}_${day.replaceAll("-", "")}`;
    await engine.owner.query(
      `CREATE TABLE IF NOT EXISTS ${name} PARTITION OF ${table}
         FOR VALUES FROM ('${day}') TO ('${day}'::date + 1);
       SELECT raise_wall(oid::regclass, true) FROM pg_class
       WHERE oid = '${name}'::regclass AND NOT relforcerowsecurity`,
    );
  }
  const message = await engine.store({ tenantId });
  const id = makeUuidV7({ unixMs, random: randomBytes(10) });
  await engine.core.pool.query(
    `WITH gone AS (DELETE FROM deliveries WHERE message_id = $2), logged AS (
       INSERT INTO delivery_logs (tenant_id, message_id, retried, logged_on, started_at, ended_at, outcome)
       SELECT $1, $2, 0, $4, at, at, 'dead' FROM to_timestamp($5::float8 / 1000) AS at
     )
     INSERT INTO dead_letters (tenant_id, id, died_on, message_id, died_at)
     SELECT $1, $3, $4, $2, to_timestamp($5::float8 / 1000)`,
    [tenantId, message.id, id, day, unixMs],
  );
}

/** How many days ago what is there of a tenant happened. */
async function daysKept(tenantId: string) {
  const daysOf = async (table: string, day: string) => {
    const { rows } = await engine.core.pool.query<{ ago: number }>(
      `SELECT (now() AT TIME ZONE 'UTC')::date - ${day} AS ago FROM ${table}
       WHERE tenant_id = $1 ORDER BY 1`,
      [tenantId],
    );
    return rows.map(({ ago }) => ago);
  };
  return {
    logs: await daysOf("delivery_logs", "logged_on"),
    deadLetters: await daysOf("dead_letters", "died_on"),
  };
}

test("06 §1 history is there as long as the plan that keeps it longest says, and no longer for others", async () => {
  const usual = await newTenant();
  const long = await newTenant({ logRetentionDays: 30, deadLetterRetentionDays: 90 });
  for (const tenantId of [usual, long])
    for (const daysAgo of [2, 20, 60, 100]) await die(tenantId, daysAgo);

  await dropExpiredPartitions(engine.core.pool);
  expect(await daysKept(usual)).toEqual({ logs: [2, 20], deadLetters: [2, 20, 60] });
  await forgetHistory(engine.core.pool);
  expect(await daysKept(usual)).toEqual({ logs: [2], deadLetters: [2] });
  expect(await daysKept(long)).toEqual({ logs: [2, 20], deadLetters: [2, 20, 60] });

  await engine.core.pool.query("UPDATE tenants SET limits = '{}' WHERE tenant_id = $1", [long]);
  await dropExpiredPartitions(engine.core.pool);
  expect(await daysKept(long)).toEqual({ logs: [2], deadLetters: [2] });
});
