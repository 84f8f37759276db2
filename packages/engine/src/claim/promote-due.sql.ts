import { COST_MICROS, furthestAhead } from "@omnistore/domain/claim/fair-share";
import type { Pool } from "@omnistore/db/client";

import { gatesOf, markGates } from "../mark-gates.ts";

/**
 * Moves up to `limit` delayed deliveries whose time has come on: to their gate, which is told so, or
 * to the ready ones. A tenant's rows get places one cost apart, after the last one that the tenant is known
 * to have, so that thousands due in the same second do not push others back. Who comes back to a queue that it passed already does not wait
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
  SELECT ctid, next_gate, last,
    row_number() OVER (PARTITION BY tenant_id ORDER BY due_at) - 1 AS place,
    CASE WHEN next_gate IS NOT NULL THEN nextval('delivery_positions') END AS position
  FROM (SELECT * FROM due ORDER BY due_at) AS in_order
  LEFT JOIN unnest($3::uuid[], $4::int8[]) AS known (tenant_id, last) USING (tenant_id)
), promoted AS (
  UPDATE deliveries d SET due_at = NULL, gate = placed.next_gate,
    position = coalesce(placed.position, d.position),
    virtual_time = CASE WHEN placed.next_gate IS NULL
      THEN greatest((extract(epoch FROM now()) * 1e6)::int8, placed.last + $2::int8) + placed.place * $2::int8 END
  FROM placed WHERE d.ctid = placed.ctid
  RETURNING d.tenant_id, d.queue, d.flow_key, d.gate, d.virtual_time
), ${markGates(gatesOf("promoted"))}
SELECT tenant_id, count(*)::int AS promoted, max(virtual_time)::float8 AS last,
  (extract(epoch FROM now()) * 1e6)::float8 AS now_micros
FROM promoted GROUP BY tenant_id`;

export interface Promotion {
  /** How many deliveries moved on. */
  readonly promoted: number;
  /** Tenants whose last place is after the clock, with that place, microseconds of virtual time. */
  readonly places: ReadonlyMap<string, number>;
}

/** `places` is what the promotion before returned. */
export async function promoteDue(
  pool: Pool,
  limit: number,
  places: ReadonlyMap<string, number> = new Map(),
): Promise<Promotion> {
  const { rows } = await pool.query<{
    tenant_id: string;
    promoted: number;
    last: number | null;
    now_micros: number;
  }>(PROMOTE, [limit, COST_MICROS, [...places.keys()], [...places.values()]]);
  const [first] = rows;
  if (first === undefined) return { promoted: 0, places };
  const fresh = rows.flatMap(({ tenant_id, last }): [string, number][] =>
    last === null ? [] : [[tenant_id, last]],
  );
  return {
    promoted: rows.reduce((sum, row) => sum + row.promoted, 0),
    places: furthestAhead(new Map([...places, ...fresh]), first.now_micros),
  };
}
