import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

import { auditLog } from "./schema/audit-log.ts";
import { budgets } from "./schema/budgets.ts";
import { deadLetters } from "./schema/dead-letters.ts";
import { deduplications } from "./schema/deduplications.ts";
import { deliveries } from "./schema/deliveries.ts";
import { deliveryLogs } from "./schema/delivery-logs.ts";
import { dispatchers } from "./schema/dispatchers.ts";
import { gates } from "./schema/gates.ts";
import { messages } from "./schema/messages.ts";
import { scheduleTicks } from "./schema/schedule-ticks.ts";
import { schedules } from "./schema/schedules.ts";
import { tenants } from "./schema/tenants.ts";
import { tokens } from "./schema/tokens.ts";
import { usageBatches, usageHours } from "./schema/usage.ts";
import { topicEndpoints, topics } from "./schema/topics.ts";

const tables: readonly PgTable[] = [
  auditLog,
  budgets,
  deadLetters,
  deduplications,
  deliveries,
  deliveryLogs,
  dispatchers,
  gates,
  messages,
  scheduleTicks,
  schedules,
  tenants,
  tokens,
  topicEndpoints,
  topics,
  usageBatches,
  usageHours,
];

let database: FreshDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await freshDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

test.each(tables.map((table) => [getTableConfig(table).name, table] as const))(
  "the migrations make %s as the schema describes it",
  async (name, table) => {
    const { rows } = await client.query<{ column: string; type: string; required: boolean }>(
      `SELECT attname AS column, format_type(atttypid, atttypmod) AS type, attnotnull AS required
       FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
      [name],
    );
    const described = getTableConfig(table).columns.map((column) => ({
      column: column.name,
      type: column.getSQLType(),
      required: column.notNull,
    }));
    expect(rows.toSorted(byColumn)).toEqual(described.toSorted(byColumn));
  },
);

test("the tenant leads every key, except where no row belongs to one", async () => {
  const { rows } = await client.query<{ table: string; leading: string }>(
    `SELECT conrelid::regclass::text AS table, attname AS leading
     FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
     WHERE contype IN ('p', 'u') AND connamespace = 'public'::regnamespace AND conparentid = 0`,
  );
  expect(rows.length).toBeGreaterThanOrEqual(tables.length);
  expect(rows.filter(({ leading }) => leading !== "tenant_id")).toEqual([
    { table: "dispatchers", leading: "id" },
  ]);
});

function byColumn(a: { column: string }, b: { column: string }): number {
  return a.column < b.column ? -1 : 1;
}
