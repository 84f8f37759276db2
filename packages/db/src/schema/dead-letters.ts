import type { HeaderMap } from "@omnistore/domain/message/message";
import { date, integer, jsonb, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";

import { bytea, instant, tenantId } from "../columns.ts";

/** Messages that were given up, with the last answer. Partitioned by day, dropped by day. */
export const deadLetters = pgTable(
  "dead_letters",
  {
    tenantId: tenantId(),
    /** uuidv7 of the entry; its time is the time of death. */
    id: uuid("id").notNull(),
    /** Day of the id's time, UTC. */
    diedOn: date("died_on", { mode: "string" }).notNull(),
    messageId: uuid("message_id").notNull(),
    diedAt: instant("died_at").notNull(),
    status: integer("status"),
    responseHeaders: jsonb("response_headers").$type<HeaderMap>(),
    responseBody: bytea("response_body"),
    error: text("error"),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id, table.diedOn] })],
);
