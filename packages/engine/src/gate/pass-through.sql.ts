import type { Queryable } from "@omnistore/db/client";
import type { GateKind } from "@omnistore/domain/gate/gate";

import { markGates } from "../mark-gates.ts";

/** How many may pass a gate. */
export interface Passage {
  readonly tenantId: string;
  readonly name: string;
  readonly places: number;
}

/** A delivery that passed. */
export interface Passed {
  readonly tenantId: string;
  readonly messageId: string;
  readonly retried: number;
  /** The gate that it passed. */
  readonly name: string;
  /** False when it waits at the next gate now. */
  readonly isLeased: boolean;
}

/** The head of those that wait at each gate, as many as it has places. */
const picked = (gate: number, column: string) => `picked AS (
  SELECT d.ctid FROM unnest($1::uuid[], $2::text[], $3::int[]) AS g (tenant_id, name, places)
  CROSS JOIN LATERAL (
    SELECT ctid FROM deliveries
    WHERE tenant_id = g.tenant_id AND ${column} = g.name AND gate = ${gate}
    ORDER BY position LIMIT g.places
    FOR UPDATE SKIP LOCKED
  ) AS d
)`;

const RETURNED = "d.tenant_id, d.message_id, d.retried, d.owner IS NOT NULL AS is_leased";

/**
 * Lets the first of those that wait through, in order. Who has no other gate before it is leased to
 * the dispatcher at once, so that its start is counted when it happens. Served by
 * `deliveries_at_queue` and `deliveries_at_flow`: cost grows with what passes, not with what waits.
 */
const STATEMENTS: Record<GateKind, string> = {
  queue: `WITH ${picked(1, "queue")}, passed AS (
      UPDATE deliveries d SET queue_passed = true,
        gate = CASE WHEN flow_key IS NOT NULL THEN 2 END,
        owner = CASE WHEN flow_key IS NULL THEN $4::uuid END,
        leased_at = CASE WHEN flow_key IS NULL THEN now() END
      FROM picked WHERE d.ctid = picked.ctid
      RETURNING ${RETURNED}, d.queue AS name, d.flow_key
    ), ${markGates("SELECT tenant_id, 2::smallint AS kind, flow_key AS name FROM passed WHERE flow_key IS NOT NULL")}
    SELECT * FROM passed`,
  flow: `WITH ${picked(2, "flow_key")}
    UPDATE deliveries d SET gate = NULL, owner = $4::uuid, leased_at = now()
    FROM picked WHERE d.ctid = picked.ctid
    RETURNING ${RETURNED}, d.flow_key AS name`,
};

export async function passThrough(
  db: Queryable,
  kind: GateKind,
  passages: readonly Passage[],
  owner: string,
): Promise<readonly Passed[]> {
  const { rows } = await db.query<{
    tenant_id: string;
    message_id: string;
    retried: number;
    is_leased: boolean;
    name: string;
  }>(STATEMENTS[kind], [
    passages.map(({ tenantId }) => tenantId),
    passages.map(({ name }) => name),
    passages.map(({ places }) => places),
    owner,
  ]);
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    messageId: row.message_id,
    retried: row.retried,
    name: row.name,
    isLeased: row.is_leased,
  }));
}
