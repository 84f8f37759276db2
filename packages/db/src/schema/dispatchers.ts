import { pgTable, uuid } from "drizzle-orm/pg-core";

import { instant } from "../columns.ts";

/** One row for each living dispatcher: its heartbeat is the lease of every delivery it owns. */
export const dispatchers = pgTable("dispatchers", {
  id: uuid("id").primaryKey(),
  heartbeatAt: instant("heartbeat_at").notNull().defaultNow(),
});
