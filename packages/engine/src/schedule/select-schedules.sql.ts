import type { Pool } from "@omnistore/db/client";
import type { LoggedOutcome } from "@omnistore/domain/history/attempt";
import type { FireState, Schedule } from "@omnistore/domain/schedule/schedule";

import type { ListPage } from "../in-pages.ts";
import { madePosition, oldestFirst, type MadePosition, type MadeRow } from "../oldest-first.sql.ts";
import { tenantsOfSealed } from "../sealed-content.ts";
import type { DataKeys, Vault } from "../vault.ts";
import { readTemplate, TEMPLATE_COLUMNS, type TemplateRow } from "./schedule-row.ts";

interface ScheduleRow extends TemplateRow {
  readonly cron: string;
  readonly is_paused: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly next_run_at: Date | null;
  readonly last_run_at: Date | null;
  readonly last_error: string | null;
  /** The messages of the last tick that fired. */
  readonly fired: readonly FiredMessage[] | null;
}

interface FiredMessage {
  readonly message_id: string;
  readonly is_waiting: boolean;
  readonly outcome: LoggedOutcome | null;
}

/**
 * Schedules with what became of their last tick, which is not stored: each message of that tick is
 * still in the queue, or its last attempt says how it ended. A few index look-ups for each message.
 */
const withLastFired = (schedules: string, more = "") => `
SELECT ${more} s.cron, ${TEMPLATE_COLUMNS}, s.is_paused, s.created_at, s.updated_at, s.next_run_at,
  s.last_run_at, s.last_error, f.fired
FROM (${schedules}) AS s
LEFT JOIN schedule_ticks t ON t.tenant_id = s.tenant_id AND t.schedule_id = s.id
  AND t.tick_at = s.last_run_at AND t.ticked_on = (s.last_run_at AT TIME ZONE 'UTC')::date
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object(
    'message_id', m.message_id, 'is_waiting', d.message_id IS NOT NULL, 'outcome', l.outcome
  ) ORDER BY m.place) AS fired
  FROM unnest(t.message_ids) WITH ORDINALITY AS m (message_id, place)
  LEFT JOIN deliveries d ON d.tenant_id = t.tenant_id AND d.message_id = m.message_id
  LEFT JOIN LATERAL (
    SELECT outcome FROM delivery_logs
    WHERE tenant_id = t.tenant_id AND message_id = m.message_id AND logged_on >= t.ticked_on
    ORDER BY retried DESC LIMIT 1
  ) l ON d.message_id IS NULL
) f ON true
ORDER BY s.created_at, s.id`;

const SELECT_ONE = withLastFired("SELECT * FROM schedules WHERE tenant_id = $1 AND id = $2");
const SELECT_PAGE = withLastFired(
  oldestFirst("schedules", "id", "octet_length(body) + pg_column_size(headers)"),
  "s.made_at, s.made_name, s.found,",
);

/** The tenant's schedule of that id, or null. */
export async function getSchedule(
  pool: Pool,
  vault: Vault,
  tenantId: string,
  id: string,
): Promise<Schedule | null> {
  const { rows } = await pool.query<ScheduleRow>(SELECT_ONE, [tenantId, id]);
  const [schedule] = await readSchedules(rows, vault);
  return schedule ?? null;
}

/** The tenant's schedules behind a position, oldest first. */
export async function pageOfSchedules(
  pool: Pool,
  vault: Vault,
  tenantId: string,
  after: MadePosition | null,
): Promise<ListPage<Schedule, MadePosition>> {
  const parameters = [tenantId, after?.madeAt ?? null, after?.name ?? null];
  const { rows } = await pool.query<ScheduleRow & MadeRow>(SELECT_PAGE, parameters);
  return { items: await readSchedules(rows, vault), next: madePosition(rows) };
}

async function readSchedules(
  rows: readonly ScheduleRow[],
  vault: Vault,
): Promise<readonly Schedule[]> {
  const keys = await vault.keysOf(tenantsOfSealed(rows));
  return vault.readable(rows, (row) => readSchedule(row, keys));
}

function readSchedule(row: ScheduleRow, keys: DataKeys): Schedule {
  const lastFired = (row.fired ?? []).flatMap((fired) => {
    const state = fireState(fired);
    return state === null ? [] : [[fired.message_id, state] as const];
  });
  return {
    id: row.id,
    cron: row.cron,
    template: readTemplate(row, keys),
    isPaused: row.is_paused,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
    ...(row.next_run_at === null ? {} : { nextRunAt: row.next_run_at.getTime() }),
    ...(row.last_run_at === null ? {} : { lastRunAt: row.last_run_at.getTime() }),
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
    lastFired: Object.fromEntries(lastFired),
  };
}

function fireState({ is_waiting, outcome }: FiredMessage): FireState | null {
  if (is_waiting) return "in-progress";
  switch (outcome) {
    case "delivered":
      return "success";
    case "dead":
      return "fail";
    case "cancelled":
    case "abandoned":
    case "retry":
    case null:
      // Its message was cancelled, or the log has forgotten it.
      return null;
  }
}
