import { customType, timestamp, uuid } from "drizzle-orm/pg-core";

/** Raw bytes. */
export const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });

/** First column of every table: whose row it is. Leads every key and every query. */
export const tenantId = () => uuid("tenant_id").notNull();

/** A point in time with microseconds; Postgres sets it, processes only read it. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
