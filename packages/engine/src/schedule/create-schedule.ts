import { gates } from "@omnistore/db/schema/gates";
import { schedules } from "@omnistore/db/schema/schedules";
import { GATE_KINDS } from "@omnistore/domain/gate/gate";
import { nextRun } from "@omnistore/domain/schedule/next-run";
import type { ScheduleCommand, ScheduleOutcome } from "@omnistore/domain/schedule/schedule";
import type { PlanLimits } from "@omnistore/domain/tenant/plans";
import { and, eq, ne, sql } from "drizzle-orm";

import type { Database } from "../database.ts";
import { holdTenant } from "../hold-tenant.ts";
import { toColumns } from "../sealed-content.ts";
import type { Vault } from "../vault.ts";
import { ownSettingsColumn, schedulePlace } from "./schedule-row.ts";

/**
 * Stores a schedule, in place of the one that has its id. The whole definition is replaced; what is
 * no part of it stays: when it was created, when it last fired, and whether it is paused. The queue
 * that its messages go through is made with it, unless there is one. `nowMs` is the database's time.
 * Nothing is stored when it, or the queue, would be one more than the limit. Contract 03 §2, §3, 06 §4.
 */
export async function createSchedule(
  { db, vault }: { readonly db: Database; readonly vault: Vault },
  command: ScheduleCommand,
  limits: Pick<PlanLimits, "schedules" | "queues">,
  nowMs: number,
): Promise<ScheduleOutcome> {
  const { tenantId, id, cron, template, ownSettings } = command;
  const nextMs = nextRun(cron, nowMs);
  const key = await vault.sealingKey(tenantId);
  const definition = {
    cron: cron.text,
    wire: template.wire,
    destination: template.destination,
    method: template.method,
    delayMs: template.delayMs ?? null,
    maxRetries: template.maxRetries,
    ...toColumns(template, schedulePlace(tenantId, id), key),
    ownSettings: ownSettingsColumn(ownSettings, { tenantId, id }, key),
    ownSettingsAt: sql`now()`,
  };
  const nextRunAt = nextMs === null ? null : new Date(nextMs);
  const { queueName } = template.options;
  return db.transaction(async (tx) => {
    if (limits.schedules !== null || limits.queues !== null) await holdTenant(tx, tenantId);
    if (limits.schedules !== null) {
      const others = and(eq(schedules.tenantId, tenantId), ne(schedules.id, id));
      if ((await tx.$count(schedules, others)) >= limits.schedules) return "too-many-schedules";
    }
    if (limits.queues !== null && queueName !== undefined) {
      const isQueue = and(eq(gates.tenantId, tenantId), eq(gates.kind, GATE_KINDS.queue));
      const isThere = (await tx.$count(gates, and(isQueue, eq(gates.name, queueName)))) > 0;
      if (!isThere && (await tx.$count(gates, isQueue)) >= limits.queues) return "too-many-queues";
    }
    await tx
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
    if (queueName !== undefined) {
      const queue = { tenantId, kind: GATE_KINDS.queue, name: queueName, parallelism: 1 };
      await tx.insert(gates).values(queue).onConflictDoNothing();
    }
    return "created";
  });
}
