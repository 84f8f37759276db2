import type { Pool } from "@omnistore/db/client";

import { type MasterKeys, UnknownMasterKeyError } from "../master-keys.ts";

/**
 * Throws when data keys of tenants are wrapped by an encryption key that was not given, or are not
 * what it wrapped: better no service than one that makes a second set of keys.
 */
export async function checkEncryptionKey(pool: Pool, masterKeys: MasterKeys): Promise<void> {
  const { rows } = await pool.query<{ id: string; tenants: number }>(
    `SELECT encryption_key_id AS id, count(*)::int AS tenants FROM tenants
     WHERE encryption_key_id <> ALL ($1::text[]) GROUP BY 1 ORDER BY 1`,
    [masterKeys.ids],
  );
  if (rows.length > 0) {
    const needed = rows.map(({ id, tenants }) => `${id} (${tenants} tenants)`).join(", ");
    throw new UnknownMasterKeyError(
      `the data in this database were encrypted with another key: they need ${needed}, and ` +
        `OMNISTORE_ENCRYPTION_KEY is ${masterKeys.currentId}. Start with the key that was used before; ` +
        "to change keys, give the old one as OMNISTORE_PREVIOUS_ENCRYPTION_KEY. Data of the development mode, " +
        "whose key is public, do not become those of a hosted service: start it with a database or OMNISTORE_DATA_DIR of its own.",
    );
  }
  await checkUnnamed(pool, masterKeys);
}

/** Earlier versions kept no id: one of their secrets is tried. */
async function checkUnnamed(pool: Pool, masterKeys: MasterKeys): Promise<void> {
  const { rows } = await pool.query<{ tenant_id: string; sealed: Buffer }>(
    `SELECT tenant_id, sealed FROM tenants, unnest(ARRAY[current_signing_key, next_signing_key]) AS sealed
     WHERE substr(sealed, 1, 1) = '\\x01' LIMIT 1`,
  );
  const [row] = rows;
  if (row === undefined) return;
  try {
    masterKeys.openUnnamed(row.tenant_id, row.sealed);
  } catch (cause) {
    throw new UnknownMasterKeyError(
      "the signing keys in this database were encrypted with another key than OMNISTORE_ENCRYPTION_KEY. " +
        "Start with the key that was used before.",
      { cause },
    );
  }
}
