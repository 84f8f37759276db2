import { pgTable, text, uuid } from "drizzle-orm/pg-core";

import { bytea, instant } from "../columns.ts";

/** A customer. Idle, it costs this row and nothing else. */
export const tenants = pgTable("tenants", {
  tenantId: uuid("tenant_id").primaryKey(),
  name: text("name").notNull(),
  /** Sealed by the encryption key: AES-256-GCM, bound to the tenant. */
  currentSigningKey: bytea("current_signing_key").notNull(),
  nextSigningKey: bytea("next_signing_key").notNull(),
  createdAt: instant("created_at").notNull().defaultNow(),
});
