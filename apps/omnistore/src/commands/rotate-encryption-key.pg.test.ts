import { randomBytes } from "node:crypto";

import { createCore } from "@omnistore/engine/core";
import { MasterKeys } from "@omnistore/engine/master-keys";
import { createTenant } from "@omnistore/engine/tenant/create-tenant";
import { startProcess } from "@omnistore/testkit/child-process";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

/** Several of the transactions that a run works in. */
const TENANTS = 1_000;
const oldKey = randomBytes(32);
/** One more for each test: what it leaves is where the next one begins. */
let [current, next] = [oldKey, oldKey];

let database: FreshDatabase;
let client: pg.Client;
let dataKeys: Map<string, string>;
beforeAll(async () => {
  database = await freshDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const core = createCore({
    databaseUrl: database.url,
    encryptionKey: oldKey,
    sealsContent: true,
  });
  await core.start();
  await createTenant(core, "model");
  await core.stop();
  await multiply();
  dataKeys = await readDataKeys(new MasterKeys(oldKey));
});
afterAll(async () => {
  await client.end();
  await database.drop();
});
beforeEach(() => {
  [current, next] = [next, randomBytes(32)];
});

/** Tenants with data keys of their own and signing keys of nobody. */
async function multiply(): Promise<void> {
  const keys = new MasterKeys(oldKey);
  const ids = Array.from({ length: TENANTS - 1 }, () => crypto.randomUUID());
  await client.query(
    `INSERT INTO tenants (tenant_id, name, data_key, encryption_key_id, current_signing_key, next_signing_key)
     SELECT k.id, 'copy', k.data_key, encryption_key_id, current_signing_key, next_signing_key
     FROM tenants, unnest($1::uuid[], $2::bytea[]) AS k (id, data_key)`,
    [ids, ids.map((id) => keys.makeDataKey(id).dataKey)],
  );
}

/** Opens the data key of every tenant: fails if one cannot be opened by these keys. */
async function readDataKeys(keys: MasterKeys): Promise<Map<string, string>> {
  const { rows } = await client.query<{ id: string; data_key: Buffer; key_id: string }>(
    "SELECT tenant_id AS id, data_key, encryption_key_id AS key_id FROM tenants ORDER BY 1",
  );
  return new Map(
    rows.map(({ id, data_key: dataKey, key_id: encryptionKeyId }) => [
      id,
      keys.unwrap(id, { dataKey, encryptionKeyId }).toString("hex"),
    ]),
  );
}

const command = (env: NodeJS.ProcessEnv) =>
  startProcess(
    "apps/omnistore/src/main.ts",
    { DATABASE_URL: database.url, OMNISTORE_ENCRYPTION_KEY: next.toString("base64"), ...env },
    ["rotate-encryption-key"],
  );
const bothKeys = () => ({ OMNISTORE_PREVIOUS_ENCRYPTION_KEY: current.toString("base64") });

/** Holds the row of one tenant, so that no run can end before it is let go. */
async function holdTenant(): Promise<{ letGo(): Promise<unknown> }> {
  await client.query("BEGIN");
  await client.query("UPDATE tenants SET name = 'held' WHERE name = 'model'");
  return { letGo: () => client.query("ROLLBACK") };
}

async function rotatedTenants(): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM tenants WHERE encryption_key_id = $1",
    [new MasterKeys(next).currentId],
  );
  return rows[0]?.n ?? 0;
}

/** What the operator's audit log tells of the key that is the new one. */
async function auditedRuns(): Promise<readonly unknown[]> {
  const { rows } = await client.query<{ is_done: boolean; action: string }>(
    "SELECT is_done, action FROM audit_log WHERE action LIKE $1 ORDER BY id",
    [`%${new MasterKeys(next).currentId}`],
  );
  return rows.map(({ is_done, action }) => [action.split(" to ")[0], is_done]);
}

test("killed in the middle it leaves every data key readable, and the next run goes on", async () => {
  const keys = new MasterKeys(next, [current]);
  const held = await holdTenant();
  const running = command(bothKeys());
  await until(async () => (await rotatedTenants()) > 0, 25_000);
  await running.end("SIGKILL");
  await held.letGo();
  await expect(rotatedTenants()).resolves.toBeLessThan(TENANTS);
  await expect(readDataKeys(keys)).resolves.toEqual(dataKeys);
  const last = command(bothKeys());
  await last.line(`every tenant needs encryption key ${keys.currentId} only`);
  await expect(last.exitCode).resolves.toBe(0);
  expect(last.output().split(`${TENANTS} of ${TENANTS} tenants`)).toHaveLength(2);
  await expect(readDataKeys(new MasterKeys(next))).resolves.toEqual(dataKeys);
  await expect(auditedRuns()).resolves.toEqual([
    ["omnistore rotate-encryption-key", false],
    ["omnistore rotate-encryption-key", true],
  ]);
});

test("of two at once that wait for a tenant, a signal ends one with 1, and the other ends the work", async () => {
  const held = await holdTenant();
  const [stopped, other] = [command(bothKeys()), command(bothKeys())];
  await Promise.all([stopped, other].map((each) => each.line("waiting for 1 tenants")));
  await stopped.end("SIGTERM");
  await expect(stopped.exitCode).resolves.toBe(1);
  await held.letGo();
  await expect(other.exitCode).resolves.toBe(0);
  await expect(readDataKeys(new MasterKeys(next))).resolves.toEqual(dataKeys);
});

test("without the old key or without a new one it refuses in words and changes nothing", async () => {
  const oldId = new MasterKeys(current).currentId;
  const refusals = [
    [command({}), `they need ${oldId} (${TENANTS} tenants)`],
    [
      command({ OMNISTORE_ENCRYPTION_KEY: "", ...bothKeys() }),
      "OMNISTORE_ENCRYPTION_KEY is missing",
    ],
  ] as const;
  for (const [refused, words] of refusals) {
    await expect(refused.line("never said")).rejects.toThrow(words);
    expect(refused.output()).toContain("The encryption key was not rotated");
    expect(await refused.exitCode).toBe(1);
  }
  await expect(readDataKeys(new MasterKeys(current))).resolves.toEqual(dataKeys);
  await expect(auditedRuns()).resolves.toEqual([]);
});
