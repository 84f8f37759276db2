import type { Queryable } from "@omnistore/db/client";

import { TEMPLATE_COLUMNS, type TemplateRow } from "./schedule-row.ts";

/** A schedule whose time has come, locked until the transaction ends. */
export interface DueRow extends TemplateRow {
  readonly cron: string;
  /** Those of the definition as it stands; null: it has none. */
  readonly own_settings: Buffer | null;
  /** Unix milliseconds. */
  readonly due_ms: number;
  /** The last tick that fired, unix milliseconds. */
  readonly last_ms: number | null;
  /** The database's time, the same in every row. */
  readonly now_ms: number;
  /** Its tenant is suspended, or being deleted. */
  readonly is_closed: boolean;
  /** How many were found due, with those that there was no room for. */
  readonly found: number;
}

/** Bodies of one batch, together, unless a single one is larger. */
const BATCH_BYTES = 16 * 1024 * 1024;

/** The database's own time, unless a simulation gives another one. */
const NOW = "coalesce(to_timestamp($1::float8 / 1000), now())";

/**
 * Milliseconds until the next tick (0 or less: now), null when there is none. Served by
 * `schedules_due`, which holds no paused schedule: cost does not grow with how many there are.
 */
export async function nextDueInMs(db: Queryable, atMs: number | null): Promise<number | null> {
  const { rows } = await db.query<{ due_in_ms: number }>(
    `SELECT (extract(epoch FROM next_run_at - ${NOW}) * 1000)::float8 AS due_in_ms FROM schedules
     WHERE next_run_at IS NOT NULL ORDER BY next_run_at LIMIT 1`,
    [atMs],
  );
  return rows[0]?.due_in_ms ?? null;
}

/** What will be due within `horizonMs`: each cron once for each of its times, unix milliseconds. */
export async function dueSoon(
  db: Queryable,
  horizonMs: number,
  limit: number,
): Promise<readonly { readonly cron: string; readonly due_ms: number }[]> {
  const { rows } = await db.query<{ cron: string; due_ms: number }>(
    `SELECT cron, (extract(epoch FROM next_run_at) * 1000)::float8 AS due_ms FROM schedules
     WHERE next_run_at > now() AND next_run_at <= now() + $1::float8 * interval '1 ms'
     GROUP BY cron, next_run_at LIMIT $2`,
    [horizonMs, limit],
  );
  return rows;
}

/**
 * Locks up to `limit` due schedules, leaving those that another scheduler holds to it, and returns as
 * many as fit into memory together. The lengths of bodies are known without reading them.
 */
export async function lockDue(
  db: Queryable,
  limit: number,
  atMs: number | null,
): Promise<readonly DueRow[]> {
  const { rows } = await db.query<DueRow>(
    `SELECT * FROM (
       SELECT *, count(*) OVER ()::int AS found, sum(octet_length(body))
         OVER (ORDER BY due_ms, tenant_id, id ROWS UNBOUNDED PRECEDING) AS bytes
       FROM (
         SELECT s.cron, ${TEMPLATE_COLUMNS},
           CASE WHEN s.own_settings_at = s.updated_at THEN s.own_settings END AS own_settings,
           (extract(epoch FROM s.next_run_at) * 1000)::float8 AS due_ms,
           (extract(epoch FROM s.last_run_at) * 1000)::float8 AS last_ms,
           (extract(epoch FROM ${NOW}) * 1000)::float8 AS now_ms,
           EXISTS (
             SELECT 1 FROM tenants t WHERE t.tenant_id = s.tenant_id
               AND (t.suspended_at IS NOT NULL OR t.deletion_asked_at IS NOT NULL)
           ) AS is_closed
         FROM schedules s WHERE s.next_run_at <= ${NOW}
         ORDER BY s.next_run_at LIMIT $2 FOR UPDATE SKIP LOCKED
       ) AS due
     ) AS weighed
     WHERE bytes <= ${BATCH_BYTES} OR bytes = octet_length(body)`,
    [atMs, limit],
  );
  return rows;
}

/** A tick that fires. */
export interface Tick {
  /** Unix milliseconds. */
  readonly atMs: number;
  /** At least one. */
  readonly messageIds: readonly string[];
}

/** How a locked schedule goes on. Times are unix milliseconds. */
export interface Advance {
  readonly tenantId: string;
  readonly scheduleId: string;
  readonly nextMs: number | null;
  /** The tick that fires and its messages; null when none does. */
  readonly tick: Tick | null;
  /** The last tick that fired before. */
  readonly lastMs: number | null;
  /** Why nothing fires, when it should have. */
  readonly error: string | null;
}

/**
 * Moves schedules on and notes which messages each tick made. Returns the first message of each tick
 * that is noted now; a tick that was noted before has fired before, and must not fire again.
 */
export async function advance(
  db: Queryable,
  batch: readonly Advance[],
): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ message_id: string }>(
    `WITH input AS (
       SELECT tenant_id, schedule_id, to_timestamp(next_ms / 1000) AS next_run_at,
         to_timestamp(tick_ms / 1000) AS tick_at, message_ids::uuid[], error
       FROM unnest($1::uuid[], $2::text[], $3::float8[], $4::float8[], $5::text[], $6::text[])
         AS i (tenant_id, schedule_id, next_ms, tick_ms, message_ids, error)
     ), noted AS (
       INSERT INTO schedule_ticks (tenant_id, schedule_id, tick_at, ticked_on, message_ids)
       SELECT tenant_id, schedule_id, tick_at, (tick_at AT TIME ZONE 'UTC')::date, message_ids
       FROM input WHERE message_ids IS NOT NULL
       ON CONFLICT DO NOTHING
       RETURNING message_ids[1] AS message_id
     ), advanced AS (
       UPDATE schedules s SET next_run_at = i.next_run_at,
         last_run_at = coalesce(i.tick_at, s.last_run_at), last_error = i.error
       FROM input i WHERE s.tenant_id = i.tenant_id AND s.id = i.schedule_id
     )
     SELECT message_id FROM noted`,
    [
      batch.map(({ tenantId }) => tenantId),
      batch.map(({ scheduleId }) => scheduleId),
      batch.map(({ nextMs }) => nextMs),
      batch.map(({ tick }) => tick?.atMs ?? null),
      // An array of arrays would be unnested to its last element.
      batch.map(({ tick }) => (tick === null ? null : `{${tick.messageIds.join(",")}}`)),
      batch.map(({ error }) => error),
    ],
  );
  return new Set(rows.map((row) => row.message_id));
}

/** Takes back a tick whose messages could not be stored, and says why. */
export async function takeBack(db: Queryable, taken: Advance, error: string): Promise<void> {
  const { tenantId, scheduleId, tick, lastMs } = taken;
  await db.query(
    `WITH gone AS (
       DELETE FROM schedule_ticks
       WHERE tenant_id = $1 AND schedule_id = $2 AND message_ids = $3::uuid[]
         AND tick_at = to_timestamp($4::float8 / 1000)
     )
     UPDATE schedules SET last_run_at = to_timestamp($5::float8 / 1000), last_error = $6
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, scheduleId, tick?.messageIds, tick?.atMs, lastMs, error],
  );
}
