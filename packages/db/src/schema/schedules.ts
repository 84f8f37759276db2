import {
  METHODS,
  WIRES,
  type HeaderMap,
  type MessageOptions,
} from "@omnistore/domain/message/message";
import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
} from "drizzle-orm/pg-core";

import { bytea, instant, tenantId } from "../columns.ts";

/** When to make a message, and the message to make each time. */
export const schedules = pgTable(
  "schedules",
  {
    tenantId: tenantId(),
    /** Chosen by the tenant, or made by the wire. */
    id: text("id").notNull(),
    cron: text("cron").notNull(),
    wire: text("wire", { enum: WIRES }).notNull(),
    destination: text("destination").notNull(),
    method: text("method", { enum: METHODS }).notNull(),
    /** `sealed`: in the body, which is sealed then. */
    headers: jsonb("headers").$type<HeaderMap | "sealed">().notNull(),
    body: bytea("body").notNull(),
    /** Delay of each message after its tick. */
    delayMs: bigint("delay_ms", { mode: "number" }),
    maxRetries: integer("max_retries").notNull(),
    /** Everything that may be left out; null when everything was. */
    options: jsonb("options").$type<MessageOptions>(),
    /** What the publisher of a schedule to a topic said itself, in the wire's words; sealed when the body is. */
    ownSettings: bytea("own_settings"),
    /** When they were given; they hold while that is `updated_at`. */
    ownSettingsAt: instant("own_settings_at"),
    isPaused: boolean("is_paused").notNull().default(false),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    /** The coming tick; null while paused, and when no tick comes any more. */
    nextRunAt: instant("next_run_at"),
    /** The last tick that fired. */
    lastRunAt: instant("last_run_at"),
    /** Why the last tick fired nothing, in words. */
    lastError: text("last_error"),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    index("schedules_due")
      .on(table.nextRunAt)
      .where(sql`next_run_at is not null`),
  ],
);
