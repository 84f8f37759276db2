import { maintenanceQuery, type Pool } from "@omnistore/db/client";

/** Every table that holds rows of tenants, in the order in which they are emptied; `tenants` is last. */
export const TENANT_TABLES = [
  "schedules",
  "deliveries",
  "deduplications",
  "gates",
  "topic_endpoints",
  "topics",
  "dead_letters",
  "delivery_logs",
  "schedule_ticks",
  "messages",
  "tokens",
  "budgets",
  "usage_batches",
  "usage_hours",
  "audit_log",
] as const;

const BATCH = 5_000;
/** Processes may serve a tenant this long after its deletion was asked for: see `authenticate.ts`. */
const SETTLE_SECONDS = 5;

/** What sends messages: it goes first. */
const ACTIVE_TABLES = ["schedules", "deliveries"] as const;
/** Batches of each that a request for a deletion may take. */
const BATCHES_AT_ONCE = 20;

/**
 * Takes away what would still send messages of a tenant whose deletion was just asked for, as far as
 * that is done in a second or so: up to 100,000 of each. `deleteTenants` does the rest.
 */
export async function stopSending(pool: Pool, tenantId: string): Promise<void> {
  for (const table of ACTIVE_TABLES) {
    let batch = BATCH;
    for (let times = 0; batch === BATCH && times < BATCHES_AT_ONCE; times += 1) {
      batch = await deleteBatch(pool, { tenantId, table, part: table });
    }
  }
}

/**
 * Deletes everything of the tenants whose deletion was asked for, in short statements, and says how
 * many tenants are gone. It may be stopped at any time and goes on where it was. What a process
 * writes late is found by another round: the tenant's own row leaves only after a round that found
 * nothing.
 */
export async function deleteTenants(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ tenant_id: string }>(
    `SELECT tenant_id FROM tenants
     WHERE deletion_asked_at < now() - $1::int * interval '1 second' ORDER BY deletion_asked_at`,
    [SETTLE_SECONDS],
  );
  for (const { tenant_id: tenantId } of rows) {
    while ((await deleteRows(pool, tenantId)) > 0);
    await pool.query("DELETE FROM tenants WHERE tenant_id = $1", [tenantId]);
  }
  return rows.length;
}

/** One round over all tables; returns how many rows it deleted. */
async function deleteRows(pool: Pool, tenantId: string): Promise<number> {
  let deleted = 0;
  for (const table of TENANT_TABLES) {
    for (const part of await partsOf(pool, table)) {
      for (let batch = BATCH; batch === BATCH;) {
        batch = await deleteBatch(pool, { tenantId, table, part });
        deleted += batch;
      }
    }
  }
  return deleted;
}

/** Deletes some rows and notes how many in the same statement, for whoever watches the progress. */
async function deleteBatch(
  pool: Pool,
  { tenantId, table, part }: { tenantId: string; table: string; part: string },
): Promise<number> {
  const statement = `WITH gone AS (
       DELETE FROM ${part} WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM ${part} WHERE tenant_id = $1 LIMIT $2
       )) AND tenant_id = $1 RETURNING 1
     ), counted AS (SELECT count(*)::int AS n FROM gone), noted AS (
       UPDATE tenants SET deleted_rows = jsonb_set(
         coalesce(deleted_rows, '{}'), ARRAY[$3::text],
         to_jsonb(coalesce((deleted_rows ->> $3::text)::bigint, 0) + n)
       ) FROM counted WHERE tenant_id = $1 AND n > 0
     )
     SELECT n AS deleted FROM counted`;
  const { rows } = await pool.query<{ deleted: number }>(
    maintenanceQuery(statement, [tenantId, BATCH, table]),
  );
  return rows[0]?.deleted ?? 0;
}

/** The partitions of a table, or the table itself: row addresses hold inside one of them only. */
async function partsOf(pool: Pool, table: string): Promise<readonly string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_partition_tree($1::regclass) p JOIN pg_class c ON c.oid = p.relid
     WHERE p.isleaf AND c.relkind = 'r'`,
    [table],
  );
  return rows.length > 0 ? rows.map(({ name }) => name) : [table];
}
