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
    createdAt: instant("created_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    unique().on(table.tenantId, table.hash),
  ],
);
