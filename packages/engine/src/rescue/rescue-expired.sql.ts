import type { Pool } from "@omnistore/db/client";

import { BACK_TO_THE_QUEUE, gatesOf, markGates } from "../mark-gates.ts";

/**
 * Gives what dead dispatchers owned back to everybody. Returns how many deliveries that were.
 *
 * Two statements, so that the second one's snapshot is younger than the first one's locks: a
 * dispatcher whose late heartbeat won that race keeps what it owns. Owners that were never listed
 * (a write that arrived after its dispatcher was declared dead) are found by the same condition.
 *
 * Served by `deliveries_leased`, which holds only what is in flight. The owners are found by leaps
 * through it, and named as an array: with a plain anti-join, statistics from before a backlog made
 * the planner read the whole queue.
 */
export async function rescueExpired(pool: Pool, leaseMs: number): Promise<number> {
  await pool.query(
    "DELETE FROM dispatchers WHERE heartbeat_at < now() - $1::float8 * interval '1 ms'",
    [leaseMs],
  );
  const { rowCount } = await pool.query(
    `WITH RECURSIVE owners AS (
       (SELECT owner FROM deliveries WHERE owner IS NOT NULL ORDER BY owner LIMIT 1)
       UNION ALL
       SELECT (SELECT d.owner FROM deliveries d WHERE d.owner > o.owner ORDER BY d.owner LIMIT 1)
       FROM owners o WHERE o.owner IS NOT NULL
     ), released AS (
       UPDATE deliveries SET ${BACK_TO_THE_QUEUE}
       WHERE owner IS NOT NULL AND owner = ANY (ARRAY(
         SELECT owner FROM owners o
         WHERE owner IS NOT NULL AND NOT EXISTS (SELECT FROM dispatchers WHERE id = o.owner)
       ))
       RETURNING tenant_id, queue, flow_key
     ), ${markGates(gatesOf("released"))}
     SELECT FROM released`,
  );
  return rowCount ?? 0;
}
