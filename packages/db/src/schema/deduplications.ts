import { index, pgTable, primaryKey, uuid } from "drizzle-orm/pg-core";

import { bytea, instant, tenantId } from "../columns.ts";

/** Which message a deduplication key stands for, while its window is open. */
export const deduplications = pgTable(
  "deduplications",
  {
    tenantId: tenantId(),
    /** SHA-256 of what makes two publishes the same. */
    key: bytea("key").notNull(),
    messageId: uuid("message_id").notNull(),
    expiresAt: instant("expires_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.key] }),
    index("deduplications_expiry").on(table.expiresAt),
  ],
);
