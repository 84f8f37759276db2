import { ROLES } from "@omnistore/domain/tenant/tenant";
import { pgTable, primaryKey, text, unique, uuid } from "drizzle-orm/pg-core";

import { bytea, instant, tenantId } from "../columns.ts";

/** Bearer tokens, kept as a hash only. */
export const tokens = pgTable(
  "tokens",
  {
    tenantId: tenantId(),
    id: uuid("id").notNull(),
    /** SHA-256 of the token's text. */
    hash: bytea("hash").notNull(),
    role: text("role", { enum: ROLES }).notNull(),
    name: text("name").notNull(),
    /** How its secret begins: enough to recognise it, far too little to guess it. */
    prefix: text("prefix").notNull().default(""),
    createdAt: instant("created_at").notNull().defaultNow(),
    expiresAt: instant("expires_at"),
    /** Written at most every ten minutes. */
    lastUsedAt: instant("last_used_at"),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    unique().on(table.tenantId, table.hash),
  ],
);
