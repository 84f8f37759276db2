import { setTimeout as sleep } from "node:timers/promises";

import { inTransaction, maintenanceQuery, type Pool, type Queryable } from "@omnistore/db/client";

import { DataKey, SEALED_BY_DATA_KEY } from "../data-key.ts";
import type { MasterKeys } from "../master-keys.ts";
import { sealSigningKey } from "./sealed-signing-key.ts";

export interface RotationProgress {
  /** Tenants that need no other key than the current one. */
  readonly done: number;
  readonly tenants: number;
}

export interface RotationOptions {
  /** Told at the start, and after every batch. */
  readonly onProgress?: (progress: RotationProgress) => void;
  /** Told that what is left is held by other transactions, and waited for. */
  readonly onWaiting?: (tenants: number) => void;
  /** Told of a tenant whose keys were changed in the database: nobody can open them, whatever the key. */
  readonly onUnreadable?: (error: unknown) => void;
  /** Tenants in one transaction. */
  readonly batch?: number;
}

const BATCH = 100;
const WAIT_MS = 200;
const BEFORE_ALL = "00000000-0000-0000-0000-000000000000";

/** What still depends on another key: data keys by their id, signing keys of earlier versions by their first byte. Without those that cannot be opened. */
const IS_LEFT = `(encryption_key_id IS DISTINCT FROM $1
  OR substr(current_signing_key, 1, 1) = '\\x01' OR substr(next_signing_key, 1, 1) = '\\x01')
  AND tenant_id <> ALL ($2::uuid[])`;

/**
 * Wraps the data key of every tenant by the current master key, and returns how many tenants could not
 * be opened. A data key stays what it is, so that processes which know both master keys notice nothing.
 * Each batch is a transaction: it may be killed at any point and goes on where it was, and several at
 * once share the work. Check first that every needed key was given (`checkEncryptionKey`).
 */
export async function rotateEncryptionKey(
  pool: Pool,
  masterKeys: MasterKeys,
  options: RotationOptions = {},
): Promise<number> {
  const unreadable = new Set<string>();
  const parts = { pool, masterKeys, unreadable, ...options };
  for (;;) {
    const { left, tenants } = await countLeft(parts);
    options.onProgress?.({ done: tenants - left - unreadable.size, tenants });
    if (left === 0) return unreadable.size;
    const unreadableBefore = unreadable.size;
    const changed = await passOver(parts, tenants - left - unreadable.size, tenants);
    if (changed > 0 || unreadable.size > unreadableBefore) continue;
    options.onWaiting?.(left);
    await sleep(WAIT_MS);
  }
}

interface Parts extends RotationOptions {
  readonly pool: Pool;
  readonly masterKeys: MasterKeys;
  readonly unreadable: Set<string>;
}

/** Goes through all tenants once, past those that others hold; returns how many it changed. */
async function passOver(parts: Parts, doneBefore: number, tenants: number): Promise<number> {
  let changed = 0;
  for (let after: string | undefined = BEFORE_ALL; after !== undefined;) {
    const batch: Batch = await inTransaction(parts.pool, (client) =>
      rotateBatch(client, parts, after ?? BEFORE_ALL),
    );
    changed += batch.changed;
    after = batch.last;
    if (batch.changed > 0) parts.onProgress?.({ done: doneBefore + changed, tenants });
  }
  return changed;
}

interface Batch {
  readonly changed: number;
  /** Absent behind the last tenant. */
  readonly last: string | undefined;
}

async function rotateBatch(client: Queryable, parts: Parts, after: string): Promise<Batch> {
  const { masterKeys, unreadable, onUnreadable } = parts;
  const { rows } = await client.query<TenantRow>(
    `SELECT tenant_id, data_key, encryption_key_id, current_signing_key, next_signing_key FROM tenants
     WHERE tenant_id > $3 AND ${IS_LEFT}
     ORDER BY tenant_id LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED`,
    [masterKeys.currentId, [...unreadable], after, parts.batch ?? BATCH],
  );
  const rotated = rows.flatMap((row) => {
    try {
      return [rotateTenant(masterKeys, row)];
    } catch (error) {
      onUnreadable?.(error);
      unreadable.add(row.tenant_id);
      return [];
    }
  });
  await client.query(
    `UPDATE tenants t SET data_key = k.data_key, encryption_key_id = $1,
       current_signing_key = k.current_signing_key, next_signing_key = k.next_signing_key
     FROM unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[])
       AS k (tenant_id, data_key, current_signing_key, next_signing_key)
     WHERE t.tenant_id = k.tenant_id`,
    [
      masterKeys.currentId,
      rotated.map((row) => row.tenantId),
      rotated.map((row) => row.dataKey),
      rotated.map((row) => row.current),
      rotated.map((row) => row.next),
    ],
  );
  return { changed: rotated.length, last: rows.at(-1)?.tenant_id };
}

interface TenantRow {
  readonly tenant_id: string;
  readonly data_key: Buffer | null;
  readonly encryption_key_id: string | null;
  readonly current_signing_key: Buffer;
  readonly next_signing_key: Buffer;
}

/** The row as the current key wraps it. Throws when it was changed, or its key is not there. */
function rotateTenant(masterKeys: MasterKeys, row: TenantRow) {
  const { tenant_id: tenantId, data_key: dataKey, encryption_key_id: encryptionKeyId } = row;
  const { bytes, ...wrapped } =
    dataKey === null || encryptionKeyId === null
      ? masterKeys.makeDataKey(tenantId)
      : rewrap(masterKeys, tenantId, { dataKey, encryptionKeyId });
  const key = new DataKey(bytes);
  const reseal = (sealed: Buffer) =>
    sealed.length === 0 || sealed[0] === SEALED_BY_DATA_KEY
      ? sealed
      : sealSigningKey(key, tenantId, masterKeys.openUnnamed(tenantId, sealed).toString("utf8"));
  return {
    tenantId,
    dataKey: wrapped.dataKey,
    current: reseal(row.current_signing_key),
    next: reseal(row.next_signing_key),
  };
}

function rewrap(
  masterKeys: MasterKeys,
  tenantId: string,
  wrapped: { readonly dataKey: Buffer; readonly encryptionKeyId: string },
) {
  const bytes = masterKeys.unwrap(tenantId, wrapped);
  return { bytes, ...masterKeys.wrap(tenantId, bytes) };
}

async function countLeft({ pool, masterKeys, unreadable }: Parts): Promise<{
  readonly left: number;
  readonly tenants: number;
}> {
  const { rows } = await pool.query<{ left: number; tenants: number }>(
    maintenanceQuery(
      `SELECT count(*) FILTER (WHERE ${IS_LEFT})::int AS left, count(*)::int AS tenants FROM tenants`,
      [masterKeys.currentId, [...unreadable]],
    ),
  );
  return rows[0] ?? { left: 0, tenants: 0 };
}
