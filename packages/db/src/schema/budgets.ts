import { bigint, pgTable, primaryKey, smallint } from "drizzle-orm/pg-core";

import { tenantId } from "../columns.ts";

/** What processes have leased of a tenant's budget in its latest window. */
export const budgets = pgTable(
  "budgets",
  {
    tenantId: tenantId(),
    /** See `domain/tenant/budget.ts`. */
    kind: smallint("kind").notNull(),
    /** Windows since the Unix epoch. */
    windowNumber: bigint("window_number", { mode: "number" }).notNull(),
    leased: bigint("leased", { mode: "number" }).notNull(),
    leasedBefore: bigint("leased_before", { mode: "number" }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.kind] })],
);
