import type { Pool } from "@omnistore/db/client";

import { BACK_TO_THE_QUEUE, gatesOf, markGates } from "../mark-gates.ts";

/**
 * Hands back deliveries that a living dispatcher owns but does not know of: the answer of the
 * statement that leased them was lost with its connection. `known` are the message ids that it holds
 * in memory; leases younger than `graceMs` may still be on their way and are left alone.
 */
export async function releaseForgotten(
  pool: Pool,
  owner: string,
  known: ReadonlySet<string>,
  graceMs: number,
): Promise<number> {
  const { rows } = await pool.query<{ tenant_id: string; message_id: string }>(
    `SELECT tenant_id, message_id FROM deliveries
     WHERE owner = $1 AND leased_at < now() - $2::float8 * interval '1 ms'`,
    [owner, graceMs],
  );
  const forgotten = rows.filter((row) => !known.has(row.message_id));
  if (forgotten.length === 0) return 0;
  return release(pool, owner, forgotten, graceMs);
}

async function release(
  pool: Pool,
  owner: string,
  rows: readonly { tenant_id: string; message_id: string }[],
  graceMs: number,
): Promise<number> {
  const { rowCount } = await pool.query(
    `WITH released AS (
       UPDATE deliveries d SET ${BACK_TO_THE_QUEUE}
       FROM unnest($2::uuid[], $3::uuid[]) AS f (tenant_id, message_id)
       WHERE d.tenant_id = f.tenant_id AND d.message_id = f.message_id AND d.owner = $1
         AND d.leased_at < now() - $4::float8 * interval '1 ms'
       RETURNING d.tenant_id, d.queue, d.flow_key
     ), ${markGates(gatesOf("released"))}
     SELECT FROM released`,
    [owner, rows.map((row) => row.tenant_id), rows.map((row) => row.message_id), graceMs],
  );
  return rowCount ?? 0;
}
