import {
  bigint,
  boolean,
  index,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
  uuid,
} from "drizzle-orm/pg-core";
import { sql } from "drizzle-orm";

import { instant, tenantId } from "../columns.ts";

/**
 * The hot queue: one thin row for each message that is still to be delivered; it leaves by DELETE.
 * Which of `due_at`, `virtual_time`, `owner` and `gate` is set is its state: exactly one is.
 */
export const deliveries = pgTable(
  "deliveries",
  {
    tenantId: tenantId(),
    messageId: uuid("message_id").notNull(),
    /** Delayed: not to be started before this time. */
    dueAt: instant("due_at"),
    /** Ready: place in the fair order over all tenants, microseconds since 1970. */
    virtualTime: bigint("virtual_time", { mode: "number" }),
    /** Leased: the dispatcher that is making the attempt. Only it may end it. */
    owner: uuid("owner"),
    leasedAt: instant("leased_at"),
    /** Attempts made so far. */
    retried: integer("retried").notNull().default(0),
    /** FIFO queue, and whether the message is one of those that the queue lets be under way. */
    queue: text("queue"),
    queuePassed: boolean("queue_passed").notNull().default(false),
    flowKey: text("flow_key"),
    /**
     * Parked: the gate it waits at, as `GATE_KINDS` numbers them, or 3: its tenant has enough slow
     * attempts under way. Costs nothing while it waits.
     */
    gate: smallint("gate"),
    /** Order among those that wait at a gate. */
    position: bigint("position", { mode: "number" }),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.messageId] }),
    index("deliveries_delayed")
      .on(table.dueAt)
      .where(sql`due_at is not null`),
    index("deliveries_ready")
      .on(table.virtualTime)
      .where(sql`virtual_time is not null`),
    index("deliveries_leased")
      .on(table.owner)
      .where(sql`owner is not null`),
  ],
);
