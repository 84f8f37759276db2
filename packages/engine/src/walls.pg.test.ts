import { randomUUID } from "node:crypto";

import { ROLES } from "@omnistore/db/roles";
import { tenantPool } from "@omnistore/db/tenant-pool";
import { ensurePartitions } from "@omnistore/db/partitions";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TENANT_TABLES } from "./tenant/delete-tenants.sql.ts";

const TABLES = [...TENANT_TABLES, "tenants"];

let engine: TestEngine;
/** The tenant that asks, and one that has a row in every table. */
const asking = randomUUID();
const other = randomUUID();

beforeAll(async () => {
  engine = await startEngine();
  for (const tenantId of [asking, other]) await fill(tenantId);
});
afterAll(() => engine.stop());

/** A row of the tenant in every table, whatever its columns. */
async function fill(tenantId: string): Promise<void> {
  // Foreign keys and partitions aside, any value of the right type will do.
  const tables = TABLES.toSorted((a, b) => Number(b === "topics") - Number(a === "topics"));
  for (const table of tables) {
    const { columns, values } = await rowOf(table, tenantId);
    await engine.owner.query(`INSERT INTO ${table} (${columns}) VALUES (${values})`);
  }
}

const VALUES: Readonly<Record<string, string>> = {
  uuid: "gen_random_uuid()",
  "uuid[]": "'{}'",
  date: "(now() AT TIME ZONE 'UTC')::date",
  jsonb: "'{}'",
  bytea: "'x'",
  boolean: "false",
  "timestamp with time zone": "now()",
  text: "'x'",
  smallint: "1",
  integer: "1",
  bigint: "1",
};

async function rowOf(table: string, tenantId: string) {
  const { rows } = await engine.owner.query<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
       AND (attnotnull AND NOT atthasdef OR attname = 'tenant_id' OR ($1::text = 'deliveries' AND attname = 'due_at'))`,
    [table],
  );
  const value = ({ name, type }: (typeof rows)[number]) =>
    name === "tenant_id" ? `'${tenantId}'` : (VALUES[type] ?? "NULL");
  return {
    columns: rows.map(({ name }) => name).join(", "),
    values: rows.map(value).join(", "),
  };
}

/** Tables with a tenant_id that lack the wall or one of its policies, partitions among them. */
async function unwalled(): Promise<readonly string[]> {
  const { rows } = await engine.owner.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT (
       c.relrowsecurity AND c.relforcerowsecurity AND (
         SELECT array_agg(p.roles::text ORDER BY p.roles::text) FROM pg_policies p WHERE p.tablename = c.relname
       ) = CASE WHEN c.relispartition THEN ARRAY['{${ROLES.engine}}']
         ELSE ARRAY['{${ROLES.engine}}', '{${ROLES.tenant}}'] END)
     ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

describe("the wall", () => {
  test("stands around every table and partition that holds rows of tenants", async () => {
    const { rows } = await engine.owner.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_class WHERE relrowsecurity",
    );
    expect(rows[0]?.n).toBeGreaterThan(TABLES.length + 50);
    expect(await unwalled()).toEqual([]);
  });

  test("is missed around a table that is made without it", async () => {
    await engine.owner.query("CREATE TABLE forgotten (tenant_id uuid PRIMARY KEY)");
    expect(await unwalled()).toEqual(["forgotten"]);
    await engine.owner.query("SELECT raise_wall('forgotten')");
    expect(await unwalled()).toEqual([]);
    await engine.owner.query("DROP TABLE forgotten");
  });

  test("stands around a partition that is made when it is met, by whoever met it", async () => {
    const { rows } = await engine.owner.query<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits
       WHERE inhparent = 'audit_log'::regclass ORDER BY 1 DESC LIMIT 1`,
    );
    await engine.owner.query(`DROP TABLE ${rows[0]?.name}`);
    await ensurePartitions(engine.core.pool);
    const made = await engine.owner.query("SELECT FROM pg_class WHERE relname = $1", [
      rows[0]?.name,
    ]);
    expect(made.rowCount).toBe(1);
    expect(await unwalled()).toEqual([]);
  });
});

/** A partition as the version before row-level security makes it. */
async function makeUnwalled(table: string, day: string): Promise<void> {
  await engine.owner.query(
    `CREATE TABLE ${table}_${day.replaceAll("-", "")} PARTITION OF ${table}
     FOR VALUES FROM ('${day}') TO ('${day}'::date + 1)`,
  );
}

describe("a partition that an older version made, which knows no wall,", () => {
  test("has its wall by the next run of the job that makes partitions, whoever runs at once", async () => {
    const made = ["messages", "delivery_logs", "dead_letters", "audit_log"];
    for (const table of made) await makeUnwalled(table, "2040-01-02");
    expect(await unwalled()).toEqual(made.map((table) => `${table}_20400102`).toSorted());
    await expect(engine.core.pool.query("SELECT FROM messages_20400102")).rejects.toThrow(
      "permission denied",
    );
    await Promise.all(Array.from({ length: 3 }, () => ensurePartitions(engine.core.pool)));
    expect(await unwalled()).toEqual([]);
    // What reads a partition by its name, such as the job that drops it, may; a tenant never.
    await expect(engine.core.pool.query("SELECT FROM messages_20400102")).resolves.toBeDefined();
    await expect(scoped().query("SELECT FROM messages_20400102")).rejects.toThrow(
      "permission denied",
    );
    for (const table of made) await engine.owner.query(`DROP TABLE ${table}_20400102`);
  });

  test("that is being read keeps nobody waiting, and has its wall when the reader is gone", async () => {
    await makeUnwalled("messages", "2040-01-03");
    const reader = await engine.owner.connect();
    await reader.query("BEGIN; SELECT FROM messages_20400103");
    await ensurePartitions(engine.core.pool);
    expect(await unwalled()).toEqual(["messages_20400103"]);
    await reader.query("COMMIT");
    reader.release();
    await ensurePartitions(engine.core.pool);
    expect(await unwalled()).toEqual([]);
    await engine.owner.query("DROP TABLE messages_20400103");
  });
});

describe("the roles behind it", () => {
  test("own nothing, do not log in, and can pass no wall", async () => {
    const { rows } = await engine.owner.query(
      `SELECT rolname, rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb AS mighty,
         EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) OR EXISTS (SELECT FROM pg_proc WHERE proowner = r.oid)
           OR EXISTS (SELECT FROM pg_namespace WHERE nspowner = r.oid) AS owns,
         EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) AS "isMember"
       FROM pg_roles r WHERE rolname = ANY ($1) ORDER BY 1`,
      [Object.values(ROLES)],
    );
    const harmless = { mighty: false, owns: false, isMember: false };
    expect(rows).toEqual([
      { rolname: ROLES.engine, ...harmless },
      { rolname: ROLES.tenant, ...harmless },
    ]);
  });

  test.each([
    "CREATE TABLE mine ()",
    "DROP TABLE messages",
    "TRUNCATE deliveries",
    "ALTER TABLE messages DISABLE ROW LEVEL SECURITY",
    "DROP POLICY tenant ON messages",
  ])("may not %s", async (statement) => {
    for (const pool of [engine.core.pool, tenantPool(engine.core.pool, asking)]) {
      await expect(pool.query(statement)).rejects.toThrow(/permission denied|must be owner/);
    }
  });

  test("are what every connection of the core runs as", async () => {
    const who = "SELECT current_user AS role, current_setting('omnistore.tenant', true) AS tenant";
    const { core } = engine;
    const scoped = tenantPool(core.pool, asking);
    const roles = await Promise.all(Array.from({ length: 20 }, () => core.pool.query(who)));
    for (const { rows } of roles) expect(rows).toMatchObject([{ role: ROLES.engine }]);
    expect((await scoped.query(who)).rows).toEqual([{ role: ROLES.tenant, tenant: asking }]);
    await expect(scoped.query("SELECT 1 / 0")).rejects.toThrow("division by zero");
    const after = await Promise.all(Array.from({ length: 20 }, () => core.pool.query(who)));
    for (const { rows } of after) {
      expect(rows).toMatchObject([{ role: ROLES.engine }]);
      expect(rows[0]?.tenant ?? "").toBe("");
    }
  });
});

const scoped = () => tenantPool(engine.core.pool, asking);

describe.each(TABLES)("of %s a tenant", (table) => {
  const rowsOf = async (tenantId: string) => {
    const { rows } = await engine.owner.query<{ row: string }>(
      `SELECT t::text AS row FROM ${table} t WHERE tenant_id = $1 ORDER BY 1`,
      [tenantId],
    );
    return rows;
  };

  test("sees its own rows only, also where it asks for others", async () => {
    const { rows } = await scoped().query(`SELECT DISTINCT tenant_id FROM ${table}`);
    expect(rows).toEqual([{ tenant_id: asking }]);
    const asked = await scoped().query(`SELECT FROM ${table} WHERE tenant_id = $1`, [other]);
    expect(asked.rowCount).toBe(0);
  });

  test("changes, deletes and makes no row of another", async () => {
    const before = await rowsOf(other);
    expect(before).not.toEqual([]);
    const { columns, values } = await rowOf(table, other);
    const statements = [
      `UPDATE ${table} SET tenant_id = tenant_id WHERE tenant_id = '${other}'`,
      `DELETE FROM ${table} WHERE tenant_id = '${other}'`,
    ];
    for (const statement of statements) {
      const changed = await scoped()
        .query(statement)
        .then(({ rowCount }) => rowCount, denied);
      expect([0, "denied"]).toContain(changed);
    }
    const insert = `INSERT INTO ${table} (${columns}) VALUES (${values})`;
    await expect(scoped().query(insert).then(String, denied)).resolves.toBe("denied");
    await expect(
      scoped().query(`UPDATE ${table} SET tenant_id = '${other}'`).then(String, denied),
    ).resolves.toBe("denied");
    expect(await rowsOf(other)).toEqual(before);
  });

  test("that is not named sees nothing", async () => {
    const client = await engine.owner.connect();
    try {
      await client.query(`BEGIN; SET LOCAL ROLE ${ROLES.tenant}`);
      expect((await client.query(`SELECT FROM ${table}`)).rowCount).toBe(0);
      await client.query("SET LOCAL omnistore.tenant = ''");
      expect((await client.query(`SELECT FROM ${table}`)).rowCount).toBe(0);
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
  });
});

function denied(error: Error): string {
  if (/permission denied|violates row-level security/.test(error.message)) return "denied";
  throw error;
}
