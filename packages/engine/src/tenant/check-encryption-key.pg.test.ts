import { createCipheriv, randomBytes } from "node:crypto";

import { createCore, type EngineCore } from "../core.ts";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { afterEach, beforeEach, expect, test } from "vitest";

import { masterKeyId } from "../master-keys.ts";
import { createTenant } from "./create-tenant.ts";

const [first, second] = [randomBytes(32), randomBytes(32)];

let database: FreshDatabase;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

/** Starts a core and leaves it to `use`. */
async function withCore(
  keys: { encryptionKey: Buffer; previousEncryptionKey?: Buffer },
  use: (core: EngineCore) => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const core = createCore({ databaseUrl: database.url, sealsContent: true, ...keys });
  try {
    await core.start();
    await use(core);
  } finally {
    await core.stop();
  }
}

/** As versions before data keys stored it. */
function sealedUnnamed(key: Buffer, tenantId: string, secret: string): Buffer {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(tenantId));
  const text = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([Buffer.of(1), iv, cipher.getAuthTag(), text]);
}

async function makeOldTenant(core: EngineCore, key: Buffer): Promise<string> {
  const { id } = await createTenant(core, "old");
  await core.pool.query(
    `UPDATE tenants SET data_key = NULL, encryption_key_id = NULL, current_signing_key = $2,
       next_signing_key = $3 WHERE tenant_id = $1`,
    [id, sealedUnnamed(key, id, "sig_current"), sealedUnnamed(key, id, "sig_next")],
  );
  return id;
}

test("another key on a database with tenants does not start, and the error says which one is needed", async () => {
  await withCore({ encryptionKey: first }, (core) => createTenant(core, "acme"));
  const start = () => withCore({ encryptionKey: second });
  await expect(start()).rejects.toThrow(`need ${masterKeyId(first)} (1 tenants)`);
  await expect(start()).rejects.toThrow(`OMNISTORE_ENCRYPTION_KEY is ${masterKeyId(second)}`);
  await expect(start()).rejects.toThrow("OMNISTORE_PREVIOUS_ENCRYPTION_KEY");
  await withCore({ encryptionKey: first });
});

test("with the old key as the previous one it starts and reads", async () => {
  let [tenantId, keys] = ["", {}];
  await withCore({ encryptionKey: first }, async (core) => {
    const made = await createTenant(core, "acme");
    [tenantId, keys] = [made.id, made.signingKeys];
  });
  await withCore({ encryptionKey: second, previousEncryptionKey: first }, async (core) => {
    await expect(core.signingKeys.read(tenantId)).resolves.toEqual(keys);
  });
});

test("another key does not start on signing keys of a version that kept no ids either", async () => {
  await withCore({ encryptionKey: first }, (core) => makeOldTenant(core, first));
  await expect(withCore({ encryptionKey: second })).rejects.toThrow("used before");
});

test("signing keys of a version without data keys are read, and rotated into the new scheme", async () => {
  await withCore({ encryptionKey: first }, async (core) => {
    const tenantId = await makeOldTenant(core, first);
    await expect(core.signingKeys.read(tenantId)).resolves.toEqual({
      current: "sig_current",
      next: "sig_next",
    });
    const rotated = await core.signingKeys.rotate(tenantId);
    expect(rotated.current).toBe("sig_next");
    await expect(core.signingKeys.read(tenantId)).resolves.toEqual(rotated);
    const { rows } = await core.pool.query<{ version: number; id: string }>(
      `SELECT get_byte(next_signing_key, 0) AS version, encryption_key_id AS id FROM tenants
       WHERE tenant_id = $1`,
      [tenantId],
    );
    expect(rows).toEqual([{ version: 2, id: masterKeyId(first) }]);
  });
});

test("a signing key that was copied to another tenant is not taken for its own", async () => {
  await withCore({ encryptionKey: first }, async (core) => {
    const [from, to] = [await createTenant(core, "from"), await createTenant(core, "to")];
    await core.pool.query(
      `UPDATE tenants t SET current_signing_key = f.current_signing_key FROM tenants f
       WHERE t.tenant_id = $1 AND f.tenant_id = $2`,
      [to.id, from.id],
    );
    await expect(core.signingKeys.read(to.id)).rejects.toThrow(
      "was changed, or sealed for another",
    );
  });
});

test("tenants at once that have no data key get one each, and all agree on it", async () => {
  await withCore({ encryptionKey: first }, async (core) => {
    const tenantIds = await Promise.all([1, 2, 3].map(() => makeOldTenant(core, first)));
    const place = { kind: "message", id: "m", tenantId: tenantIds[0] ?? "" } as const;
    const several = await Promise.all(
      Array.from({ length: 4 }, () => core.vault.keysOf(tenantIds)),
    );
    const sealed = several[0]?.get(place.tenantId)?.seal(place, "text");
    for (const keys of several) {
      expect(keys.size).toBe(3);
      expect(
        keys
          .get(place.tenantId)
          ?.open(place, sealed ?? Buffer.alloc(0))
          .toString(),
      ).toBe("text");
    }
  });
});
