import type { Pool } from "@omnistore/db/client";

import type { LeasedDelivery } from "../leased-delivery.ts";

export interface Claim {
  readonly leased: readonly LeasedDelivery[];
  /** Milliseconds until the next delayed delivery is due (0 or less: now), null when none waits. */
  readonly nextDueInMs: number | null;
  /** The same for gates: a queue or a flow-control key that may let something through. */
  readonly nextGateInMs: number | null;
  /** Somewhere deliveries of tenants with slow receivers were put aside. */
  readonly hasParked: boolean;
}

/**
 * Leases up to `limit` ready deliveries, in fair order, to a dispatcher that is still alive, and
 * tells when there is something else to do. Served by `deliveries_ready`, `deliveries_delayed`, `gates_due`, `deliveries_parked`.
 *
 * Joined by ctid: the rows are locked by the same statement, and a join by key costs a second
 * index look-up for each row.
 */
const CLAIM = `
WITH picked AS (
  SELECT ctid FROM deliveries
  WHERE virtual_time IS NOT NULL AND EXISTS (SELECT FROM dispatchers WHERE id = $1)
  ORDER BY virtual_time LIMIT $2
  FOR UPDATE SKIP LOCKED
), leased AS (
  UPDATE deliveries d SET owner = $1, leased_at = now(), virtual_time = NULL
  FROM picked WHERE d.ctid = picked.ctid
  RETURNING d.tenant_id, d.message_id, d.retried, num_nonnulls(d.queue, d.flow_key) > 0 AS is_gated
), next AS (
  SELECT (SELECT (extract(epoch FROM due_at - now()) * 1000)::float8
          FROM deliveries WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1) AS due_in_ms,
         (SELECT (extract(epoch FROM due_at - now()) * 1000)::float8
          FROM gates WHERE due_at IS NOT NULL AND tenant_id <> ALL ($3::uuid[])
          ORDER BY due_at LIMIT 1) AS gate_in_ms,
         EXISTS (SELECT FROM deliveries WHERE gate = 3) AS has_parked
)
SELECT next.due_in_ms, next.gate_in_ms, next.has_parked, leased.* FROM next LEFT JOIN leased ON true`;

/** The gates of `saturated` tenants stay shut, so when one of them is due is not told. */
export async function claimDeliveries(
  pool: Pool,
  owner: string,
  limit: number,
  saturated: readonly string[] = [],
): Promise<Claim> {
  const { rows } = await pool.query<{
    due_in_ms: number | null;
    gate_in_ms: number | null;
    has_parked: boolean;
    tenant_id: string | null;
    message_id: string | null;
    retried: number | null;
    is_gated: boolean | null;
  }>(CLAIM, [owner, limit, saturated]);
  return {
    nextDueInMs: rows[0]?.due_in_ms ?? null,
    nextGateInMs: rows[0]?.gate_in_ms ?? null,
    hasParked: rows[0]?.has_parked ?? false,
    leased: rows.flatMap(({ tenant_id, message_id, retried, is_gated }) =>
      tenant_id !== null && message_id !== null
        ? [
            {
              tenantId: tenant_id,
              messageId: message_id,
              owner,
              retried: retried ?? 0,
              isGated: is_gated ?? false,
            },
          ]
        : [],
    ),
  };
}
