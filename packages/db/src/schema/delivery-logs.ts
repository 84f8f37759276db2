import { LOGGED_OUTCOMES } from "@omnistore/domain/history/attempt";
import type { HeaderMap } from "@omnistore/domain/message/message";
import { sql } from "drizzle-orm";
import { date, index, integer, jsonb, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";

import { bytea, instant, tenantId } from "../columns.ts";

/** One row for each attempt that ended, and for a cancellation. Append-only; partitioned by day, dropped by day. */
export const deliveryLogs = pgTable(
  "delivery_logs",
  {
    tenantId: tenantId(),
    messageId: uuid("message_id").notNull(),
    /** Attempts made before. */
    retried: integer("retried").notNull(),
    /** Day of `ended_at`, UTC. */
    loggedOn: date("logged_on", { mode: "string" }).notNull(),
    startedAt: instant("started_at").notNull(),
    endedAt: instant("ended_at").notNull(),
    outcome: text("outcome", { enum: LOGGED_OUTCOMES }).notNull(),
    /** When the next attempt is due, after the outcome `retry`. */
    nextDueAt: instant("next_due_at"),
    status: integer("status"),
    /** Headers and body are kept for failures only: nothing shows those of a success. */
    responseHeaders: jsonb("response_headers").$type<HeaderMap>(),
    responseBody: bytea("response_body"),
    error: text("error"),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.messageId, table.retried, table.loggedOn] }),
    index("delivery_logs_ended").on(table.tenantId, table.endedAt),
    index("delivery_logs_started").on(table.tenantId, table.startedAt),
    index("delivery_logs_not_delivered")
      .on(table.tenantId, table.endedAt)
      .where(sql`outcome <> 'delivered'`),
  ],
);
