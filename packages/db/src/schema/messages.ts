import {
  METHODS,
  WIRES,
  type HeaderMap,
  type MessageOptions,
} from "@omnistore/domain/message/message";
import { date, integer, jsonb, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";

import { bytea, instant, tenantId } from "../columns.ts";

/** The payload, written once. Partitioned by the day after which nothing can need it (UTC). */
export const messages = pgTable(
  "messages",
  {
    tenantId: tenantId(),
    /** Holds the time of acceptance and, in its own bits, `expires_on`: an id alone finds its partition. */
    id: uuid("id").notNull(),
    expiresOn: date("expires_on", { mode: "string" }).notNull(),
    notBefore: instant("not_before").notNull(),
    wire: text("wire", { enum: WIRES }).notNull(),
    destination: text("destination").notNull(),
    method: text("method", { enum: METHODS }).notNull(),
    headers: jsonb("headers").$type<HeaderMap>().notNull(),
    body: bytea("body").notNull(),
    maxRetries: integer("max_retries").notNull(),
    /** Everything a publisher may leave out; null when everything was. */
    options: jsonb("options").$type<MessageOptions>(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id, table.expiresOn] })],
);
