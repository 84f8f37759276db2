import { partitionDays } from "@omnistore/domain/message/expiry";
import { AUDIT_RETENTION_DAYS, TICK_RETENTION_DAYS } from "@omnistore/domain/message/limits";
import { utcDay, utcDayText } from "@omnistore/domain/message/utc-day";
import type { ClientBase } from "pg";

import { inTransaction, maintenanceQuery, type Pool, type Queryable } from "./client.ts";
import { longestRetention, type Retention } from "./retention.ts";

/** History needs a partition for today; the rest is slack for a housekeeper that was away. */
const HISTORY_AHEAD_DAYS = 14;
/**
 * Dropping a partition locks its whole table, and while that lock is waited for, every publish waits
 * behind it. Whoever reads for long comes first; the next run of the job drops what is left.
 */
const LOCK_LIMIT_MS = 500;
const LOCK_NOT_AVAILABLE = "55P03";
/**
 * History is written once and dropped whole. To vacuum what was only added reads and writes every page a second
 * time, in the midst of a burst, and nothing here gains by it; no plan depends on how the rows are spread, so
 * that looking at them anew when their number has doubled is enough.
 */
const UPKEEP = "autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 1";
/** Serialises makers of partitions; held for the transaction only. */
const PARTITION_LOCK = 7_164_002;

const PARTITIONED_TABLES = [
  "messages",
  "delivery_logs",
  "dead_letters",
  "schedule_ticks",
  "usage_batches",
  "audit_log",
] as const;
type PartitionedTable = (typeof PARTITIONED_TABLES)[number];

/**
 * Makes every partition that a write of today or of the coming days can need, and those of days
 * (`YYYY-MM-DD`) whose ticks are fired late, and raises the wall around those that lack it: a version
 * from before row-level security, running beside this one during an upgrade, makes them without. Does
 * nothing, with two cheap queries, when all is in order. Several processes may call it at once.
 */
export async function ensurePartitions(
  pool: Pool,
  tickDays: readonly string[] = [],
): Promise<void> {
  const { missing, unwalled } = await partitionUpkeep(pool, tickDays);
  if (missing.length > 0) {
    await inLockedTransaction(pool, (client) => makeMissing(client, tickDays));
  }
  for (const name of unwalled) await raiseWall(pool, name);
}

async function makeMissing(client: ClientBase, tickDays: readonly string[]): Promise<void> {
  const { missing } = await partitionUpkeep(client, tickDays);
  // ATTACH locks the parent far more lightly than CREATE TABLE … PARTITION OF: publishes go on.
  const statements = missing.map(
    ({ table, day }) => `
      CREATE TABLE ${partitionName(table, day)} (LIKE ${table} INCLUDING ALL) WITH (${UPKEEP});
      SELECT raise_wall('${partitionName(table, day)}', true);
      ALTER TABLE ${table} ATTACH PARTITION ${partitionName(table, day)}
        FOR VALUES FROM ('${day}') TO ('${addDays(day, 1)}');`,
  );
  await client.query(maintenanceQuery(statements.join("\n")));
}

/** Locks the partition for a moment; when it is in use for long, the next run of the job does it. */
function raiseWall(pool: Pool, name: string): Promise<boolean> {
  return unlessInUse(pool, async (client) => {
    // Whoever held the lock before may have raised it, or dropped the partition.
    await client.query(
      `SELECT raise_wall(oid::regclass, true) FROM pg_class
       WHERE oid = to_regclass($1) AND NOT (relrowsecurity AND relforcerowsecurity)`,
      [name],
    );
  });
}

/**
 * Drops partitions that nothing can need any more and nobody reads, and returns their names. A partition of messages
 * stays while a delivery or a dead letter still points into it, however late that is.
 */
export async function dropExpiredPartitions(pool: Pool): Promise<string[]> {
  const today = isoDay(await databaseTime(pool));
  const retention = await longestRetention(pool);
  const dropped: string[] = [];
  for (const { table, day, name, isWalled } of await existingPartitions(pool)) {
    if (day >= oldestDayKept(table, today, retention)) continue;
    // Without its wall nobody but its owner may look into it, not even whether it is still needed.
    if (!isWalled && !(await raiseWall(pool, name))) continue;
    if (table === "messages" && (await isReferenced(pool, name))) continue;
    if (table === "usage_batches" && (await holdsRows(pool, name))) continue;
    const isDropped = await unlessInUse(pool, (client) =>
      client.query(`DROP TABLE IF EXISTS ${name}`),
    );
    if (isDropped) dropped.push(name);
  }
  return dropped;
}

/** Does something that locks a partition, or its table, against all others; false when it was in use. */
async function unlessInUse(
  pool: Pool,
  work: (client: ClientBase) => Promise<unknown>,
): Promise<boolean> {
  try {
    await inLockedTransaction(pool, async (client) => {
      await client.query(`SET LOCAL lock_timeout = ${LOCK_LIMIT_MS}`);
      await work(client);
    });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === LOCK_NOT_AVAILABLE)
      return false;
    throw error;
  }
}

function oldestDayKept(
  table: PartitionedTable,
  today: string,
  { logDays, deadLetterDays }: Retention,
): string {
  switch (table) {
    case "messages":
      return today;
    case "delivery_logs":
      return addDays(today, -logDays);
    case "schedule_ticks":
      return addDays(today, -TICK_RETENTION_DAYS);
    case "dead_letters":
      return addDays(today, -deadLetterDays);
    case "usage_batches":
      return addDays(today, -1);
    case "audit_log":
      return addDays(today, -AUDIT_RETENTION_DAYS);
  }
}

/** What was not rolled up yet is kept, however late that is. */
async function holdsRows(pool: Pool, partition: string): Promise<boolean> {
  const { rows } = await pool.query<{ any: boolean }>(
    `SELECT EXISTS (SELECT FROM ${partition}) AS any`,
  );
  return rows[0]?.any ?? true;
}

async function isReferenced(pool: Pool, partition: string): Promise<boolean> {
  const { rows } = await pool.query<{ referenced: boolean }>(
    maintenanceQuery(`
    SELECT EXISTS (
      SELECT FROM deliveries d JOIN ${partition} m ON m.tenant_id = d.tenant_id AND m.id = d.message_id
    ) OR EXISTS (
      SELECT FROM dead_letters l JOIN ${partition} m ON m.tenant_id = l.tenant_id AND m.id = l.message_id
    ) AS referenced`),
  );
  return rows[0]?.referenced ?? true;
}

interface Partition {
  readonly table: PartitionedTable;
  readonly day: string;
}

interface ExistingPartition extends Partition {
  readonly name: string;
  /** Row-level security stands around it. */
  readonly isWalled: boolean;
}

/** What a run of the job has to do: partitions to make, and names of those without their wall. */
async function partitionUpkeep(
  db: Queryable,
  tickDays: readonly string[],
): Promise<{ readonly missing: readonly Partition[]; readonly unwalled: readonly string[] }> {
  const now = await databaseTime(db);
  const historyDays = Array.from({ length: HISTORY_AHEAD_DAYS + 1 }, (_, offset) =>
    addDays(isoDay(now), offset),
  );
  const wanted: Partition[] = [
    ...partitionDays(now).map((day) => ({ table: "messages", day }) as const),
    ...historyDays.map((day) => ({ table: "delivery_logs", day }) as const),
    ...historyDays.map((day) => ({ table: "dead_letters", day }) as const),
    ...historyDays.map((day) => ({ table: "usage_batches", day }) as const),
    ...historyDays.map((day) => ({ table: "audit_log", day }) as const),
    ...[...new Set([...historyDays, ...tickDays])].map(
      (day) => ({ table: "schedule_ticks", day }) as const,
    ),
  ];
  const present = await existingPartitions(db);
  const names = new Set(present.map(({ name }) => name));
  return {
    missing: wanted.filter(({ table, day }) => !names.has(partitionName(table, day))),
    unwalled: present.filter(({ isWalled }) => !isWalled).map(({ name }) => name),
  };
}

async function existingPartitions(db: Queryable): Promise<ExistingPartition[]> {
  const { rows } = await db.query<{ parent: string; name: string; isWalled: boolean }>(
    `SELECT parent.relname AS parent, child.relname AS name,
       child.relrowsecurity AND child.relforcerowsecurity AS "isWalled"
     FROM pg_inherits
     JOIN pg_class parent ON parent.oid = inhparent
     JOIN pg_class child ON child.oid = inhrelid
     WHERE parent.oid = ANY ($1::regclass[])`,
    [PARTITIONED_TABLES],
  );
  return rows.flatMap(({ parent, name, isWalled }) => {
    const table = PARTITIONED_TABLES.find((candidate) => candidate === parent);
    const stamp = /_(\d{4})(\d{2})(\d{2})$/.exec(name);
    return table && stamp ? [{ table, name, isWalled, day: stamp.slice(1).join("-") }] : [];
  });
}

async function databaseTime(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ now: Date }>("SELECT now() AS now");
  const now = rows[0]?.now;
  if (now === undefined) throw new Error("the database did not tell the time");
  return now.getTime();
}

function inLockedTransaction(
  pool: Pool,
  work: (client: ClientBase) => Promise<unknown>,
): Promise<void> {
  return inTransaction(pool, async (client) => {
    // Whatever role the pool runs as: tables are made and dropped by the login role, which owns them.
    await client.query("SET LOCAL ROLE NONE");
    await client.query("SELECT pg_advisory_xact_lock($1)", [PARTITION_LOCK]);
    await work(client);
  });
}

function partitionName(table: PartitionedTable, day: string): string {
  return `${table}_${day.replaceAll("-", "")}`;
}

function isoDay(unixMs: number): string {
  return utcDayText(utcDay(unixMs));
}

function addDays(day: string, days: number): string {
  return utcDayText(utcDay(Date.parse(day)) + days);
}
