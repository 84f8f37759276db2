import { boolean, date, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";

import { instant, tenantId } from "../columns.ts";

/** Every change of tokens, keys, plans and resources: noted before it is made, a partition a day. */
export const auditLog = pgTable(
  "audit_log",
  {
    tenantId: tenantId(),
    id: uuid("id").notNull(),
    loggedOn: date("logged_on").notNull(),
    askedAt: instant("asked_at").notNull().defaultNow(),
    /** Null: the operator. The name is kept because the token may be gone. */
    tokenId: uuid("token_id"),
    tokenName: text("token_name"),
    action: text("action").notNull(),
    query: text("query").notNull(),
    /** What the address does not say: which one was made, what it was set to. Known once it is done. */
    detail: text("detail"),
    askedFrom: text("asked_from"),
    /** False also when nobody can know: the process ended in between. */
    isDone: boolean("is_done").notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id, table.loggedOn] })],
);
