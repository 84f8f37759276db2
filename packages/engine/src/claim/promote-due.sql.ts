import { COST_MICROS } from "@omnistore/domain/claim/fair-share";
import type { Pool } from "@omnistore/db/client";

import { gatesOf, markGates } from "../mark-gates.ts";

/**
 * Moves up to `limit` delayed deliveries whose time has come on: to their gate, which is told so, or
 * to the ready ones. A tenant's rows get places one cost apart, so that thousands due in the same
 * second do not push others back. Who comes back to a queue that it passed already does not wait
 * again. Served by `deliveries_delayed`: cost grows with what is due, not with what waits.
 */
const PROMOTE = `
WITH due AS (
  SELECT ctid, tenant_id, due_at,
    CASE WHEN queue IS NOT NULL AND NOT queue_passed THEN 1 WHEN flow_key IS NOT NULL THEN 2 END AS next_gate
  FROM deliveries
  WHERE due_at <= now() ORDER BY due_at LIMIT $1
  FOR UPDATE SKIP LOCKED
), placed AS (
  SELECT ctid, next_gate,
    row_number() OVER (PARTITION BY tenant_id ORDER BY due_at) - 1 AS place,
    CASE WHEN next_gate IS NOT NULL THEN nextval('delivery_positions') END AS position
  FROM (SELECT * FROM due ORDER BY due_at) AS in_order
), promoted AS (
  UPDATE deliveries d SET due_at = NULL, gate = placed.next_gate,
    position = coalesce(placed.position, d.position),
    virtual_time = CASE WHEN placed.next_gate IS NULL
      THEN (extract(epoch FROM now()) * 1e6)::int8 + placed.place * $2::int8 END
  FROM placed WHERE d.ctid = placed.ctid
  RETURNING d.tenant_id, d.queue, d.flow_key, d.gate
), ${markGates(gatesOf("promoted"))}
SELECT count(*)::int AS promoted FROM promoted`;

export async function promoteDue(pool: Pool, limit: number): Promise<number> {
  const { rows } = await pool.query<{ promoted: number }>(PROMOTE, [limit, COST_MICROS]);
  return rows[0]?.promoted ?? 0;
}
