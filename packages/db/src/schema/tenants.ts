import type { LimitOverrides } from "@omnistore/domain/tenant/plans";
import { PLAN_NAMES } from "@omnistore/domain/tenant/plans";
import { jsonb, pgTable, text, uuid } from "drizzle-orm/pg-core";

import { bytea, instant } from "../columns.ts";

/** A customer. Idle, it costs this row and nothing else. */
export const tenants = pgTable("tenants", {
  tenantId: uuid("tenant_id").primaryKey(),
  name: text("name").notNull(),
  /** Seals what is kept of the tenant; wrapped by the encryption key of that id. */
  dataKey: bytea("data_key"),
  encryptionKeyId: text("encryption_key_id"),
  /** Sealed by the data key. */
  currentSigningKey: bytea("current_signing_key").notNull(),
  nextSigningKey: bytea("next_signing_key").notNull(),
  createdAt: instant("created_at").notNull().defaultNow(),
  plan: text("plan", { enum: PLAN_NAMES }).notNull().default("pay-as-you-go"),
  /** In the place of those of the plan. */
  limits: jsonb("limits").$type<LimitOverrides>().notNull().default({}),
  suspendedAt: instant("suspended_at"),
  deletionAskedAt: instant("deletion_asked_at"),
  /** Rows that the deletion removed so far, by table. */
  deletedRows: jsonb("deleted_rows").$type<Record<string, number>>(),
});
