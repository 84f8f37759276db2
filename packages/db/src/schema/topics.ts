import type { HeaderMap } from "@omnistore/domain/message/message";
import { foreignKey, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";

import { bytea, instant, tenantId } from "../columns.ts";

/** Named groups of receivers. */
export const topics = pgTable(
  "topics",
  {
    tenantId: tenantId(),
    name: text("name").notNull(),
    /** Settings for messages that do not bring their own. */
    headers: jsonb("headers").$type<HeaderMap>().notNull().default({}),
    /** The same, sealed by the data key of the tenant; `headers` are empty then. */
    sealedHeaders: bytea("sealed_headers"),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.name] })],
);

/** The receivers of a topic; one without any does not exist. */
export const topicEndpoints = pgTable(
  "topic_endpoints",
  {
    tenantId: tenantId(),
    topicName: text("topic_name").notNull(),
    /** Its place among the endpoints of the topic, from 0. */
    position: integer("position").notNull(),
    url: text("url").notNull(),
    name: text("name"),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.topicName, table.position] }),
    foreignKey({
      columns: [table.tenantId, table.topicName],
      foreignColumns: [topics.tenantId, topics.name],
    }).onDelete("cascade"),
  ],
);
