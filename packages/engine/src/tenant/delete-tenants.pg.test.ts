import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createTenant } from "./create-tenant.ts";
import { deleteTenants, TENANT_TABLES } from "./delete-tenants.sql.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

/** Rows of a tenant, by table. */
async function rowsOf(tenantId: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of [...TENANT_TABLES, "tenants"]) {
    const { rows } = await engine.core.pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${table} WHERE tenant_id = $1`,
      [tenantId],
    );
    counts[table] = rows[0]?.n ?? -1;
  }
  return counts;
}

const askedFor = (tenantId: string, ago: string) =>
  engine.core.pool.query(
    "UPDATE tenants SET deletion_asked_at = now() - $2::interval WHERE tenant_id = $1",
    [tenantId, ago],
  );

test("every table with rows of tenants is known to the deletion", async () => {
  const { rows } = await engine.core.pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition`,
  );
  const known = [...TENANT_TABLES, "tenants"].toSorted();
  expect(rows.map(({ name }) => name).toSorted()).toEqual(known);
});

test("everything of a tenant goes, and nothing of another", async () => {
  const [leaving, staying] = await Promise.all(
    ["leaving", "staying"].map((name) => createTenant(engine.core, name)),
  );
  if (leaving === undefined || staying === undefined) throw new Error("no tenants");
  for (const { id } of [leaving, staying]) {
    await engine.store({ tenantId: id, options: { queueName: "q" } });
    await engine.store({ tenantId: id });
  }
  await askedFor(leaving.id, "1 minute");
  expect(await deleteTenants(engine.core.pool)).toBe(1);
  expect(new Set(Object.values(await rowsOf(leaving.id)))).toEqual(new Set([0]));
  expect(await rowsOf(staying.id)).toMatchObject({
    messages: 2,
    deliveries: 2,
    gates: 1,
    tokens: 2,
  });
});

test("a deletion that was just asked for waits until every process has closed the tenant", async () => {
  const { id } = await createTenant(engine.core, "just now");
  await askedFor(id, "0");
  expect(await deleteTenants(engine.core.pool)).toBe(0);
  expect(await rowsOf(id)).toMatchObject({ tenants: 1 });
});
