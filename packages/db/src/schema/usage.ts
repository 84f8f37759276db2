import { bigint, date, index, integer, pgTable, primaryKey } from "drizzle-orm/pg-core";

import { instant, tenantId } from "../columns.ts";

/**
 * What one batch used of one tenant: appended by the statement that stored the messages or recorded
 * the outcomes, so that it counts exactly what is there. Nothing is updated, so nothing is contended.
 */
export const usageBatches = pgTable(
  "usage_batches",
  {
    tenantId: tenantId(),
    usedOn: date("used_on").notNull(),
    hour: instant("hour").notNull(),
    publishes: integer("publishes").notNull().default(0),
    deliveries: integer("deliveries").notNull().default(0),
    attempts: integer("attempts").notNull().default(0),
    /** Bodies that were published, and bodies that were sent. */
    bytesIn: bigint("bytes_in", { mode: "number" }).notNull().default(0),
    bytesOut: bigint("bytes_out", { mode: "number" }).notNull().default(0),
  },
  (table) => [index("usage_batches_hour").on(table.tenantId, table.hour)],
);

/** The same by the hour, for as long as the tenant is there; only the roll-up writes it. */
export const usageHours = pgTable(
  "usage_hours",
  {
    tenantId: tenantId(),
    hour: instant("hour").notNull(),
    publishes: bigint("publishes", { mode: "number" }).notNull(),
    deliveries: bigint("deliveries", { mode: "number" }).notNull(),
    attempts: bigint("attempts", { mode: "number" }).notNull(),
    bytesIn: bigint("bytes_in", { mode: "number" }).notNull(),
    bytesOut: bigint("bytes_out", { mode: "number" }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.hour] })],
);
