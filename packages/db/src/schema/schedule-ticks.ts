import { date, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";

import { instant, tenantId } from "../columns.ts";

/**
 * Which messages a tick made, written by the transaction that stored them: the key is why no tick
 * fires twice. Partitioned by day, dropped by day.
 */
export const scheduleTicks = pgTable(
  "schedule_ticks",
  {
    tenantId: tenantId(),
    scheduleId: text("schedule_id").notNull(),
    tickAt: instant("tick_at").notNull(),
    /** Day of `tick_at`, UTC. */
    tickedOn: date("ticked_on", { mode: "string" }).notNull(),
    /** One, or one for each endpoint of a topic. */
    messageIds: uuid("message_ids").array().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.scheduleId, table.tickAt, table.tickedOn] }),
  ],
);
