import { createCipheriv, randomBytes } from "node:crypto";

import { createCore, type EngineCore } from "../core.ts";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { afterEach, beforeEach, expect, test } from "vitest";

import { MasterKeys, masterKeyId } from "../master-keys.ts";
import { createTenant } from "./create-tenant.ts";
import { rotateEncryptionKey } from "./rotate-encryption-key.ts";

const [oldKey, newKey, strange] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const toNew = new MasterKeys(newKey, [oldKey]);

let database: FreshDatabase;
/** As a service runs before the change. */
let service: EngineCore;
const cores: EngineCore[] = [];
beforeEach(async () => {
  database = await freshDatabase();
  service = await startCore(oldKey, newKey);
});
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.stop()));
  await database.drop();
});

async function startCore(
  encryptionKey: Buffer,
  previousEncryptionKey?: Buffer,
): Promise<EngineCore> {
  const core = createCore({
    databaseUrl: database.url,
    sealsContent: true,
    encryptionKey,
    previousEncryptionKey,
  });
  cores.push(core);
  await core.start();
  return core;
}

const makeTenants = (count: number) =>
  Promise.all(Array.from({ length: count }, () => createTenant(service, "acme")));

/** How many tenants each key wraps. */
async function byKey(): Promise<Record<string, number>> {
  const { rows } = await service.pool.query<{ id: string; n: number }>(
    "SELECT encryption_key_id AS id, count(*)::int AS n FROM tenants GROUP BY 1",
  );
  return Object.fromEntries(rows.map(({ id, n }) => [id, n]));
}

const ALL_NEW = (count: number) => ({ [masterKeyId(newKey)]: count });

test("every tenant's keys are read by the new key alone, and the old key opens nothing any more", async () => {
  const tenants = await makeTenants(7);
  const place = { kind: "message", id: "m", tenantId: tenants[0]?.id ?? "" } as const;
  const sealed = (await service.vault.keyOf(place.tenantId)).seal(place, "text");
  const told: string[] = [];
  const onProgress = (progress: { done: number; tenants: number }) =>
    told.push(`${progress.done}/${progress.tenants}`);
  await expect(rotateEncryptionKey(service.pool, toNew, { batch: 3, onProgress })).resolves.toBe(0);
  expect(told).toEqual(["0/7", "3/7", "6/7", "7/7", "7/7"]);
  const after = await startCore(newKey);
  for (const { id, signingKeys } of tenants) {
    await expect(after.signingKeys.read(id)).resolves.toEqual(signingKeys);
  }
  expect((await after.vault.keyOf(place.tenantId)).open(place, sealed).toString()).toBe("text");
  await expect(startCore(oldKey)).rejects.toThrow(`need ${masterKeyId(newKey)} (7 tenants)`);
});

function stopAfterFirst({ done }: { done: number }): void {
  if (done > 0) throw new Error("stopped");
}

test("a rotation that was stopped in the middle leaves every tenant readable, and goes on", async () => {
  const tenants = await makeTenants(6);
  const stopped = rotateEncryptionKey(service.pool, toNew, {
    batch: 2,
    onProgress: stopAfterFirst,
  });
  await expect(stopped).rejects.toThrow("stopped");
  expect(await byKey()).toEqual({ [masterKeyId(oldKey)]: 4, ...ALL_NEW(2) });
  const between = await startCore(newKey, oldKey);
  for (const { id, signingKeys } of tenants) {
    await expect(between.signingKeys.read(id)).resolves.toEqual(signingKeys);
  }
  await rotateEncryptionKey(service.pool, toNew);
  expect(await byKey()).toEqual(ALL_NEW(6));
});

test("two rotations at once share the work and both end when all is done", async () => {
  await makeTenants(40);
  const options = { batch: 2 };
  const both = [1, 2].map(() => rotateEncryptionKey(service.pool, toNew, options));
  await expect(Promise.all(both)).resolves.toEqual([0, 0]);
  expect(await byKey()).toEqual(ALL_NEW(40));
});

test("a tenant whose row another transaction holds is waited for, and what that changed stays", async () => {
  const [held] = await makeTenants(3);
  const other = await service.pool.connect();
  await other.query("BEGIN");
  await other.query("UPDATE tenants SET name = 'renamed' WHERE tenant_id = $1", [held?.id]);
  const waited = Promise.withResolvers<number>();
  const rotation = rotateEncryptionKey(service.pool, toNew, { onWaiting: waited.resolve });
  await expect(waited.promise).resolves.toBe(1);
  await other.query("COMMIT");
  other.release();
  await rotation;
  expect(await byKey()).toEqual(ALL_NEW(3));
  const { rows } = await service.pool.query("SELECT 1 FROM tenants WHERE name = 'renamed'");
  expect(rows).toHaveLength(1);
});

test("services read, rotate signing keys and make tenants while it runs", async () => {
  const tenants = await makeTenants(30);
  const rotation = rotateEncryptionKey(service.pool, toNew, { batch: 1 });
  const rotated = await Promise.all(tenants.map(({ id }) => service.signingKeys.rotate(id)));
  const [late] = await makeTenants(1);
  await rotation;
  // Made by a service whose first key was still the old one, perhaps behind the end.
  await rotateEncryptionKey(service.pool, toNew);
  const after = await startCore(newKey);
  for (const [index, { id }] of tenants.entries()) {
    await expect(after.signingKeys.read(id)).resolves.toEqual(rotated[index]);
  }
  await expect(after.signingKeys.read(late?.id ?? "")).resolves.toEqual(late?.signingKeys);
});

test("a tenant whose data key was changed is told of and passed over; the others are rotated", async () => {
  const [broken] = await makeTenants(5);
  await service.pool.query(
    "UPDATE tenants SET data_key = set_byte(data_key, 40, 255 - get_byte(data_key, 40)) WHERE tenant_id = $1",
    [broken?.id],
  );
  const told: string[] = [];
  const onUnreadable = (error: unknown) => told.push(String(error));
  await expect(rotateEncryptionKey(service.pool, toNew, { batch: 2, onUnreadable })).resolves.toBe(
    1,
  );
  expect(told).toEqual([
    expect.stringContaining(`the data key of tenant ${broken?.id} was changed`),
  ]);
  expect(await byKey()).toEqual({ [masterKeyId(oldKey)]: 1, ...ALL_NEW(4) });
});

test("a key that was never in use changes nothing", async () => {
  await makeTenants(2);
  const wrong = new MasterKeys(newKey, [strange]);
  await expect(rotateEncryptionKey(service.pool, wrong)).resolves.toBe(2);
  expect(await byKey()).toEqual({ [masterKeyId(oldKey)]: 2 });
});

/** As versions before data keys stored it. */
function sealedUnnamed(tenantId: string, secret: string): Buffer {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", oldKey, iv).setAAD(Buffer.from(tenantId));
  const text = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([Buffer.of(1), iv, cipher.getAuthTag(), text]);
}

test("signing keys that an earlier version sealed by the old key itself move over as well", async () => {
  const [never, halfway] = await makeTenants(2);
  for (const tenant of [never, halfway]) {
    const sealed = sealedUnnamed(tenant?.id ?? "", "sig_old");
    await service.pool.query(
      "UPDATE tenants SET current_signing_key = $2, next_signing_key = $2 WHERE tenant_id = $1",
      [tenant?.id, sealed],
    );
  }
  await service.pool.query(
    "UPDATE tenants SET data_key = NULL, encryption_key_id = NULL WHERE tenant_id = $1",
    [never?.id],
  );
  // The data key of one is wrapped by the new key already; its signing keys still need the old one.
  await service.pool.query(
    "UPDATE tenants SET data_key = $2, encryption_key_id = $3 WHERE tenant_id = $1",
    [halfway?.id, toNew.wrap(halfway?.id ?? "", randomBytes(32)).dataKey, masterKeyId(newKey)],
  );
  await expect(startCore(newKey)).rejects.toThrow("used before");
  await expect(rotateEncryptionKey(service.pool, toNew)).resolves.toBe(0);
  const after = await startCore(newKey);
  for (const tenant of [never, halfway]) {
    await expect(after.signingKeys.read(tenant?.id ?? "")).resolves.toEqual({
      current: "sig_old",
      next: "sig_old",
    });
  }
});
