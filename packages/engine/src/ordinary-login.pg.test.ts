import { randomBytes } from "node:crypto";

import { connect } from "@omnistore/db/client";
import { isMigrated, migrate } from "@omnistore/db/migrate";
import { dropExpiredPartitions, ensurePartitions } from "@omnistore/db/partitions";
import { startTestServer, type TestServer } from "@omnistore/testkit/postgres-server";
import { withDatabase } from "@omnistore/testkit/postgres";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { createCore } from "./core.ts";
import { createTenant } from "./tenant/create-tenant.ts";
import { rotateEncryptionKey } from "./tenant/rotate-encryption-key.ts";
import { createTokenOperations } from "./tenant/tokens.ts";

// Roles belong to the whole server, and the other tests' server has ours already: this one is our own.
let server: TestServer;
let superuser: pg.Pool;
beforeAll(async () => {
  server = await startTestServer({});
  superuser = connect({ databaseUrl: server.url, maxConnections: 1 });
});
afterAll(async () => {
  await superuser.end();
  await server.stop();
});

let url: string;
beforeEach(async () => {
  await superuser.query("CREATE ROLE shop LOGIN PASSWORD 'secret'");
  await superuser.query("CREATE DATABASE shop OWNER shop");
  url = withDatabase(server.url, "shop").replace(/\/\/[^@]*@/, "//shop:secret@");
});
afterEach(async () => {
  await superuser.query("DROP DATABASE shop WITH (FORCE)");
  await superuser.query("DROP ROLE shop");
  await superuser.query("DROP ROLE IF EXISTS omnistore_engine, omnistore_tenant");
});

/** The statements that stand in the refusal. */
async function refusal(): Promise<string> {
  const refused = await migrate(url).then(() => undefined, String);
  const [, statements] =
    /Have a superuser run this once.*start again: (.*)$/.exec(refused ?? "") ?? [];
  if (statements === undefined) throw new Error(`no statements in: ${refused}`);
  return statements;
}

/** What a process does first, and then for tenants. */
async function expectService(): Promise<void> {
  await migrate(url);
  await migrate(url);
  const core = createCore({ databaseUrl: url, encryptionKey: randomBytes(32), sealsContent: true });
  const login = connect({ databaseUrl: url, maxConnections: 1 });
  try {
    await core.start();
    await expect(isMigrated(core.pool)).resolves.toBe(true);
    const [first, second] = [await createTenant(core, "first"), await createTenant(core, "second")];
    const tokens = createTokenOperations({ ...core, onCredentialsChanged: () => undefined });
    for (const { id: tenantId } of [first, second]) {
      await expect(tokens.listTokens(tenantId)).resolves.not.toEqual([]);
      const { rows } = await core.scopeOf(tenantId).pool.query("SELECT tenant_id FROM tenants");
      expect(rows).toEqual([{ tenant_id: tenantId }]);
    }
    await expect(rotateEncryptionKey(core.pool, core.vault.masterKeys)).resolves.toBe(0);
    await ensurePartitions(core.pool, ["2020-02-02"]);
    await expect(dropExpiredPartitions(core.pool)).resolves.toEqual(["schedule_ticks_20200202"]);
    // Migrations to come and an older version run as the login: forced security must not hide rows from it.
    const seen = await login.query("SELECT FROM tenants");
    expect(seen.rowCount).toBe(2);
  } finally {
    await login.end();
    await core.stop();
  }
}

test("a login that may make roles makes the two it needs", async () => {
  await superuser.query("ALTER ROLE shop CREATEROLE");
  await expect(migrate(url)).resolves.toBeUndefined();
  await expectService();
});

test("a login that may not names what a superuser has to run, makes nothing, and works after it", async () => {
  const statements = await refusal();
  expect(statements).toBe(
    "CREATE ROLE omnistore_engine NOLOGIN; CREATE ROLE omnistore_tenant NOLOGIN; " +
      "GRANT omnistore_engine TO shop WITH SET TRUE, INHERIT TRUE; " +
      "GRANT omnistore_tenant TO shop WITH SET TRUE, INHERIT FALSE;",
  );
  const login = connect({ databaseUrl: url, maxConnections: 1 });
  const made = await login.query(
    "SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION ALL SELECT FROM pg_namespace WHERE nspname = 'drizzle'",
  );
  await login.end();
  expect(made.rowCount).toBe(0);
  await superuser.query(statements);
  await expectService();
});

test("a login that may become the engine but does not see its rows is not let in to see none", async () => {
  await superuser.query(
    `CREATE ROLE omnistore_engine; CREATE ROLE omnistore_tenant;
     GRANT omnistore_engine TO shop WITH SET TRUE, INHERIT FALSE; GRANT omnistore_tenant TO shop`,
  );
  const statements = await refusal();
  expect(statements).toBe("GRANT omnistore_engine TO shop WITH SET TRUE, INHERIT TRUE;");
  await superuser.query(statements);
  await expectService();
});

test("roles that pass row-level security are not run as", async () => {
  await superuser.query("CREATE ROLE omnistore_engine; CREATE ROLE omnistore_tenant BYPASSRLS");
  await expect(migrate(url)).rejects.toThrow("ALTER ROLE omnistore_tenant NOSUPERUSER NOBYPASSRLS");
});
