import { schedules } from "@omnistore/db/schema/schedules";
import { parseCron } from "@omnistore/domain/schedule/cron";
import { nextRun } from "@omnistore/domain/schedule/next-run";
import { and, eq } from "drizzle-orm";

import type { Database } from "../database.ts";

function named(tenantId: string, id: string) {
  return and(eq(schedules.tenantId, tenantId), eq(schedules.id, id));
}

/** False when there is none of that id. Messages that it made go on. */
export async function deleteSchedule(db: Database, tenantId: string, id: string): Promise<boolean> {
  const { rowCount } = await db.delete(schedules).where(named(tenantId, id));
  return rowCount === 1;
}

/** Ticks of a paused schedule are left out, not kept for later. False when there is none of that id. */
export async function pauseSchedule(db: Database, tenantId: string, id: string): Promise<boolean> {
  const { rowCount } = await db
    .update(schedules)
    .set({ isPaused: true, nextRunAt: null })
    .where(named(tenantId, id));
  return rowCount === 1;
}

/**
 * The next tick after `nowMs`, the database's time, fires again. Changes nothing on a schedule that
 * is not paused. False when there is none of that id.
 */
export async function resumeSchedule(
  db: Database,
  tenantId: string,
  id: string,
  nowMs: number,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [row] = await tx
      .select({ cron: schedules.cron, isPaused: schedules.isPaused })
      .from(schedules)
      .where(named(tenantId, id))
      .for("update");
    if (row?.isPaused !== true) return row !== undefined;
    const cron = parseCron(row.cron);
    const nextMs = cron.kind === "cron" ? nextRun(cron, nowMs) : null;
    await tx
      .update(schedules)
      .set({ isPaused: false, nextRunAt: nextMs === null ? null : new Date(nextMs) })
      .where(named(tenantId, id));
    return true;
  });
}
