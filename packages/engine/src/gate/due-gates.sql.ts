import type { Queryable } from "@omnistore/db/client";
import { GATE_KINDS, type GateKind } from "@omnistore/domain/gate/gate";

/** A gate that was locked to be looked at. */
export interface DueGate {
  readonly tenantId: string;
  readonly name: string;
  readonly isPaused: boolean;
  readonly parallelism: number | null;
  readonly rate: number | null;
  readonly periodMs: number;
  readonly rateCount: number;
  readonly openingCount: number;
  readonly periodStartedAtMs: number | null;
}

/** Locks up to `limit` gates that are due, except of `saturated` tenants; those that another dispatcher looks at are passed over. */
export async function lockDueGates(
  db: Queryable,
  kind: GateKind,
  owner: string,
  limit: number,
  saturated: readonly string[],
): Promise<readonly DueGate[]> {
  const { rows } = await db.query<{
    tenant_id: string;
    name: string;
    is_paused: boolean;
    parallelism: number | null;
    rate: number | null;
    period_seconds: number;
    rate_count: number;
    opening_count: number;
    period_started_ms: number | null;
  }>(
    `SELECT tenant_id, name, is_paused, parallelism, rate, period_seconds, rate_count, opening_count,
       (extract(epoch FROM period_started_at) * 1000)::float8 AS period_started_ms
     FROM gates
     WHERE due_at <= now() AND kind = $1 AND EXISTS (SELECT FROM dispatchers WHERE id = $2)
       AND tenant_id <> ALL ($4::uuid[])
     ORDER BY due_at LIMIT $3
     FOR UPDATE SKIP LOCKED`,
    [GATE_KINDS[kind], owner, limit, saturated],
  );
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    name: row.name,
    isPaused: row.is_paused,
    parallelism: row.parallelism,
    rate: row.rate,
    periodMs: row.period_seconds * 1000,
    rateCount: row.rate_count,
    openingCount: row.opening_count,
    periodStartedAtMs: row.period_started_ms,
  }));
}

/** What is under way through a gate, and the time. Asked after the lock: it sees all that passed before. */
export interface Activity {
  readonly nowMs: number;
  readonly active: readonly number[];
}

const ACTIVE: Record<GateKind, string> = {
  queue: "d.queue = g.name AND d.queue_passed",
  flow: "d.flow_key = g.name AND d.owner IS NOT NULL",
};

/** Counts through the gates, in their order. Served by `deliveries_in_queue` and `deliveries_in_flow`. */
export async function countActive(
  db: Queryable,
  kind: GateKind,
  gates: readonly DueGate[],
): Promise<Activity> {
  const { rows } = await db.query<{ now_ms: number; active: number }>(
    `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms,
       (SELECT count(*)::int FROM deliveries d WHERE d.tenant_id = g.tenant_id AND ${ACTIVE[kind]}) AS active
     FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS g (tenant_id, name, place)
     ORDER BY place`,
    [gates.map(({ tenantId }) => tenantId), gates.map(({ name }) => name)],
  );
  return { nowMs: rows[0]?.now_ms ?? 0, active: rows.map(({ active }) => active) };
}

/** A gate with what it remembers from now on. */
export interface GateUpdate {
  readonly gate: DueGate;
  readonly rateCount: number;
  readonly openingCount: number;
  readonly periodStartedAtMs: number | null;
  readonly lookAgainAtMs: number | null;
}

export async function updateGates(
  db: Queryable,
  kind: GateKind,
  updates: readonly GateUpdate[],
): Promise<void> {
  await db.query(
    `UPDATE gates g SET rate_count = u.rate_count, opening_count = u.opening_count,
       period_started_at = to_timestamp(u.period_started_ms / 1000),
       due_at = to_timestamp(u.look_again_ms / 1000)
     FROM unnest($2::uuid[], $3::text[], $4::int[], $5::float8[], $6::float8[], $7::int[])
       AS u (tenant_id, name, rate_count, period_started_ms, look_again_ms, opening_count)
     WHERE g.tenant_id = u.tenant_id AND g.kind = $1 AND g.name = u.name`,
    [
      GATE_KINDS[kind],
      updates.map(({ gate }) => gate.tenantId),
      updates.map(({ gate }) => gate.name),
      updates.map(({ rateCount }) => rateCount),
      updates.map(({ periodStartedAtMs }) => periodStartedAtMs),
      updates.map(({ lookAgainAtMs }) => lookAgainAtMs),
      updates.map(({ openingCount }) => openingCount),
    ],
  );
}
