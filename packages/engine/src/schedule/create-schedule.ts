import { schedules } from "@omnistore/db/schema/schedules";
import { nextRun } from "@omnistore/domain/schedule/next-run";
import type { ScheduleCommand } from "@omnistore/domain/schedule/schedule";
import { sql } from "drizzle-orm";

import type { Database } from "../database.ts";

/**
 * Stores a schedule, in place of the one that has its id. The whole definition is replaced; what is
 * no part of it stays: when it was created, when it last fired, and whether it is paused. `nowMs` is
 * the database's time. Contract 03 §3.
 */
export async function createSchedule(
  db: Database,
  command: ScheduleCommand,
  nowMs: number,
): Promise<void> {
  const { tenantId, id, cron, template } = command;
  const nextMs = nextRun(cron, nowMs);
  const definition = {
    cron: cron.text,
    wire: template.wire,
    destination: template.destination,
    method: template.method,
    headers: template.headers,
    body: template.body,
    delayMs: template.delayMs ?? null,
    maxRetries: template.maxRetries,
    options: Object.keys(template.options).length === 0 ? null : template.options,
  };
  const nextRunAt = nextMs === null ? null : new Date(nextMs);
  await db
    .insert(schedules)
    .values({ tenantId, id, ...definition, nextRunAt })
    .onConflictDoUpdate({
      target: [schedules.tenantId, schedules.id],
      set: {
        ...definition,
        updatedAt: sql`now()`,
        nextRunAt: sql`CASE WHEN ${schedules.isPaused} THEN NULL ELSE excluded.next_run_at END`,
        lastError: null,
      },
    });
}
