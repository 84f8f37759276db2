import { partitionDays } from "@omnistore/domain/message/expiry";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterEach, beforeEach, expect, test } from "vitest";

import { dropExpiredPartitions, ensurePartitions } from "./partitions.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

async function partitions(): Promise<string[]> {
  const { rows } = await engine.core.pool.query<{ name: string }>(
    "SELECT inhrelid::regclass::text AS name FROM pg_inherits ORDER BY 1",
  );
  return rows.map(({ name }) => name).filter((name) => /_\d{8}$/.test(name));
}

async function addPartition(table: string, day: string, isWalled = true): Promise<string> {
  const name = `${table}_${day.replaceAll("-", "")}`;
  await engine.owner.query(
    `CREATE TABLE ${name} PARTITION OF ${table} FOR VALUES FROM ('${day}') TO ('${day}'::date + 1);
     ${isWalled ? `SELECT raise_wall('${name}', true)` : ""}`,
  );
  return name;
}

test("every day that a message can expire on has a partition", async () => {
  const names = await partitions();
  for (const day of partitionDays(engine.core.clock.nowMs())) {
    expect(names).toContain(`messages_${day.replaceAll("-", "")}`);
  }
});

test("several makers at once make each partition once", async () => {
  const before = await partitions();
  for (const name of before.slice(0, 20)) await engine.owner.query(`DROP TABLE ${name}`);
  await Promise.all(Array.from({ length: 4 }, () => ensurePartitions(engine.core.pool)));
  expect(await partitions()).toEqual(before);
});

test("what has expired is dropped, and nothing that is still needed", async () => {
  const gone = [
    await addPartition("messages", "2020-01-01"),
    await addPartition("delivery_logs", "2020-01-01"),
    await addPartition("dead_letters", "2020-01-01"),
  ];
  const before = await partitions();
  expect((await dropExpiredPartitions(engine.core.pool)).toSorted()).toEqual(gone.toSorted());
  expect(await partitions()).toEqual(before.filter((name) => !gone.includes(name)));
});

test("what has expired without its wall is dropped in the same run, and what is needed gets it", async () => {
  const gone = [
    await addPartition("messages", "2020-01-04", false),
    await addPartition("usage_batches", "2020-01-04", false),
    await addPartition("dead_letters", "2020-01-04", false),
  ];
  const kept = await addPartition("messages", "2020-01-05", false);
  const message = await engine.store();
  await engine.owner.query("UPDATE messages SET expires_on = '2020-01-05' WHERE id = $1", [
    message.id,
  ]);
  expect((await dropExpiredPartitions(engine.core.pool)).toSorted()).toEqual(gone.toSorted());
  const { rows } = await engine.owner.query(
    "SELECT relrowsecurity AND relforcerowsecurity AS walled FROM pg_class WHERE relname = $1",
    [kept],
  );
  expect(rows).toEqual([{ walled: true }]);
});

test("a partition of messages stays while a delivery still points into it", async () => {
  const name = await addPartition("messages", "2020-01-02");
  const message = await engine.store();
  await engine.core.pool.query("UPDATE messages SET expires_on = '2020-01-02' WHERE id = $1", [
    message.id,
  ]);
  await expect(dropExpiredPartitions(engine.core.pool)).resolves.not.toContain(name);
  await engine.core.pool.query("DELETE FROM deliveries");
  await expect(dropExpiredPartitions(engine.core.pool)).resolves.toContain(name);
});

test("a partition that a long reader holds is left for the next time, and publishes go on meanwhile", async () => {
  const name = await addPartition("messages", "2020-01-03");
  const reader = await engine.core.pool.connect();
  await reader.query("BEGIN; SELECT count(*) FROM messages");
  const dropping = dropExpiredPartitions(engine.core.pool);
  const start = performance.now();
  const publishing = Array.from({ length: 20 }, () => engine.store());
  await expect(dropping).resolves.toEqual([]);
  await Promise.all(publishing);
  expect(performance.now() - start).toBeLessThan(3_000);
  await reader.query("ROLLBACK");
  reader.release();
  await expect(dropExpiredPartitions(engine.core.pool)).resolves.toEqual([name]);
});
