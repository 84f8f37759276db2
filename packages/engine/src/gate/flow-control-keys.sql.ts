import type { Pool } from "@omnistore/db/client";
import { MOST_LEASED } from "@omnistore/domain/claim/slots";
import type { FlowControlKey, Pin } from "@omnistore/domain/gate/flow-control-key";

import type { ListPage } from "../in-pages.ts";
import { lastOfFullPage, PAGE_GATES } from "./gate-pages.ts";

interface KeyRow {
  readonly name: string;
  readonly waiting: number;
  readonly parallelism: number | null;
  readonly active: number;
  readonly rate: number | null;
  readonly rate_count: number;
  readonly period_seconds: number;
  readonly period_started_ms: number | null;
  readonly is_paused: boolean;
  readonly is_pinned_parallelism: boolean;
  readonly is_pinned_rate: boolean;
}

const SELECT_KEYS = `
SELECT g.name, g.parallelism, g.rate, g.period_seconds, g.is_paused,
  g.is_pinned_parallelism, g.is_pinned_rate,
  (extract(epoch FROM g.period_started_at) * 1000)::float8 AS period_started_ms,
  CASE WHEN now() < g.period_started_at + g.period_seconds * interval '1 s'
    THEN g.rate_count ELSE 0 END AS rate_count,
  (SELECT count(*)::int FROM deliveries d
   WHERE d.tenant_id = g.tenant_id AND d.flow_key = g.name AND d.gate = 2) AS waiting,
  (SELECT count(*)::int FROM deliveries d
   WHERE d.tenant_id = g.tenant_id AND d.flow_key = g.name AND d.owner IS NOT NULL) AS active
FROM gates g WHERE g.tenant_id = $1 AND g.kind = 2`;

/** The tenant's key of that name, or null. */
export async function getFlowControlKey(
  pool: Pool,
  tenantId: string,
  key: string,
): Promise<FlowControlKey | null> {
  const { rows } = await pool.query<KeyRow>(`${SELECT_KEYS} AND g.name = $2`, [tenantId, key]);
  const [found] = rows.map(readKey);
  return found ?? null;
}

/** The tenant's keys behind a name, by name; only those that hold `search` when it is not null. */
export async function pageOfFlowControlKeys(
  pool: Pool,
  tenantId: string,
  search: string | null,
  after: string | null,
): Promise<ListPage<FlowControlKey, string>> {
  const { rows } = await pool.query<KeyRow>(
    `${SELECT_KEYS} AND ($2::text IS NULL OR position($2 IN g.name) > 0)
       AND ($3::text IS NULL OR g.name > $3)
     ORDER BY g.name LIMIT ${PAGE_GATES}`,
    [tenantId, search, after],
  );
  return { items: rows.map(readKey), next: lastOfFullPage(rows) };
}

function readKey(row: KeyRow): FlowControlKey {
  return {
    key: row.name,
    waiting: row.waiting,
    parallelism: row.parallelism,
    active: row.active,
    rate: row.rate,
    rateCount: row.rate_count,
    periodSeconds: row.period_seconds,
    periodStartedAt: row.period_started_ms,
    isPaused: row.is_paused,
    isPinnedParallelism: row.is_pinned_parallelism,
    isPinnedRate: row.is_pinned_rate,
  };
}

/** Pauses a key, which need not have been used. Contract 03 §6. */
export async function pauseFlowControl(pool: Pool, tenantId: string, key: string): Promise<void> {
  await pool.query(
    `INSERT INTO gates (tenant_id, kind, name, is_paused, due_at) VALUES ($1, 2, $2, true, now())
     ON CONFLICT (tenant_id, kind, name) DO UPDATE
     SET is_paused = true, due_at = now(), updated_at = now()`,
    [tenantId, key],
  );
}

/** Resumes a key; one that nobody has used or paused is not made by it. */
export async function resumeFlowControl(pool: Pool, tenantId: string, key: string): Promise<void> {
  await pool.query(
    `UPDATE gates SET is_paused = false, due_at = now(), updated_at = now()
     WHERE tenant_id = $1 AND kind = 2 AND name = $2`,
    [tenantId, key],
  );
}

/**
 * Sets rules that messages do not change any more; a pinned rate pins its period. Either way the
 * starts of the current period are forgotten and a new one is opened. Contract 03 §6.
 */
export async function pinFlowControl(
  pool: Pool,
  tenantId: string,
  key: string,
  pin: Pin,
): Promise<void> {
  await pool.query(
    `INSERT INTO gates AS g (
       tenant_id, kind, name, parallelism, rate, period_seconds, is_pinned_parallelism, is_pinned_rate, due_at
     )
     VALUES ($1, 2, $2, $3::int, $4::int, coalesce($5::int, 1), $3::int IS NOT NULL, $4::int IS NOT NULL, now())
     ON CONFLICT (tenant_id, kind, name) DO UPDATE SET
       parallelism = coalesce($3::int, g.parallelism),
       rate = coalesce($4::int, g.rate),
       period_seconds = CASE WHEN $4::int IS NULL THEN g.period_seconds ELSE coalesce($5::int, 1) END,
       is_pinned_parallelism = g.is_pinned_parallelism OR $3::int IS NOT NULL,
       is_pinned_rate = g.is_pinned_rate OR $4::int IS NOT NULL,
       rate_count = 0, opening_count = 0, period_started_at = now(), due_at = now(), updated_at = now()`,
    [tenantId, key, pin.parallelism ?? null, pin.rate ?? null, pin.periodSeconds ?? null],
  );
}

/** The pinned values stay until a message brings others (Contract 07 Q30). */
export async function unpinFlowControl(
  pool: Pool,
  tenantId: string,
  key: string,
  what: { readonly parallelism: boolean; readonly rate: boolean },
): Promise<void> {
  await pool.query(
    `UPDATE gates SET is_pinned_parallelism = is_pinned_parallelism AND NOT $3,
       is_pinned_rate = is_pinned_rate AND NOT $4, updated_at = now()
     WHERE tenant_id = $1 AND kind = 2 AND name = $2`,
    [tenantId, key, what.parallelism, what.rate],
  );
}

/** Forgets the starts of the current period and opens a new one now. */
export async function resetFlowControlRate(
  pool: Pool,
  tenantId: string,
  key: string,
): Promise<void> {
  await pool.query(
    `UPDATE gates SET rate_count = 0, opening_count = 0, period_started_at = now(), due_at = now(), updated_at = now()
     WHERE tenant_id = $1 AND kind = 2 AND name = $2`,
    [tenantId, key],
  );
}

/** What the tenant has under way, and may have: `limit`, or else what all living dispatchers together can have. */
export async function getGlobalParallelism(
  pool: Pool,
  tenantId: string,
  limit: number | null,
): Promise<{ max: number; count: number }> {
  const { rows } = await pool.query<{ max: number; count: number }>(
    `SELECT coalesce($3::int, (SELECT count(*)::int * $2::int FROM dispatchers)) AS max,
       (SELECT count(*)::int FROM deliveries WHERE owner IS NOT NULL AND tenant_id = $1) AS count`,
    [tenantId, MOST_LEASED, limit],
  );
  return rows[0] ?? { max: 0, count: 0 };
}
