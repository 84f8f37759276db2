import { maintenanceQuery, type Pool } from "@omnistore/db/client";

const BATCH = 20_000;

/**
 * Moves what batches used into the hours, and says how many rows that was. A row leaves in the
 * statement that adds it, so a crash counts nothing twice and loses nothing. One runs at a time: its
 * job is a singleton, and whoever comes beside it waits for the rows and finds them gone.
 */
export async function rollUpUsage(pool: Pool): Promise<number> {
  const { rows: parts } = await pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_partition_tree('usage_batches') p
     JOIN pg_class c ON c.oid = p.relid WHERE p.isleaf ORDER BY 1`,
  );
  let moved = 0;
  for (const { name } of parts) {
    for (let batch = BATCH; batch === BATCH;) {
      batch = await rollUpBatch(pool, name);
      moved += batch;
    }
  }
  return moved;
}

async function rollUpBatch(pool: Pool, partition: string): Promise<number> {
  const { rows } = await pool.query<{ moved: number }>(
    maintenanceQuery(
      `WITH gone AS (
         DELETE FROM ${partition} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${partition} LIMIT $1))
         RETURNING *
       ), added AS (
         INSERT INTO usage_hours AS h (tenant_id, hour, publishes, deliveries, attempts, bytes_in, bytes_out)
         SELECT tenant_id, hour, sum(publishes), sum(deliveries), sum(attempts), sum(bytes_in), sum(bytes_out)
         FROM gone GROUP BY tenant_id, hour ORDER BY tenant_id, hour
         ON CONFLICT (tenant_id, hour) DO UPDATE SET
           publishes = h.publishes + excluded.publishes,
           deliveries = h.deliveries + excluded.deliveries,
           attempts = h.attempts + excluded.attempts,
           bytes_in = h.bytes_in + excluded.bytes_in,
           bytes_out = h.bytes_out + excluded.bytes_out
       )
       SELECT count(*)::int AS moved FROM gone`,
      [BATCH],
    ),
  );
  return rows[0]?.moved ?? 0;
}
