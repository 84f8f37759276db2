import { boolean, index, integer, pgTable, primaryKey, smallint, text } from "drizzle-orm/pg-core";
import { sql } from "drizzle-orm";

import { instant, tenantId } from "../columns.ts";

/** One row for each FIFO queue and each flow-control key: its rules, and when to look at it next. */
export const gates = pgTable(
  "gates",
  {
    tenantId: tenantId(),
    /** `GATE_KINDS` of the domain: 1 queue, 2 flow-control key. */
    kind: smallint("kind").notNull(),
    name: text("name").notNull(),
    /** Null: no limit. */
    parallelism: integer("parallelism"),
    rate: integer("rate"),
    periodSeconds: integer("period_seconds").notNull().default(1),
    isPaused: boolean("is_paused").notNull().default(false),
    isPinnedParallelism: boolean("is_pinned_parallelism").notNull().default(false),
    isPinnedRate: boolean("is_pinned_rate").notNull().default(false),
    /** Starts in the period that began at `period_started_at`. */
    rateCount: integer("rate_count").notNull().default(0),
    /** Those of them that opened it and were not handed back. */
    openingCount: integer("opening_count").notNull().default(0),
    periodStartedAt: instant("period_started_at"),
    /** When a dispatcher should see whether something may pass; null while nothing can. */
    dueAt: instant("due_at"),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.kind, table.name] }),
    index("gates_due")
      .on(table.dueAt)
      .where(sql`due_at is not null`),
  ],
);
