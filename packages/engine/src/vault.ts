import type { Pool } from "@omnistore/db/client";
import { LRUCache } from "lru-cache";

import { DataKey } from "./data-key.ts";
import type { MasterKeys, WrappedKey } from "./master-keys.ts";

export interface VaultOptions {
  readonly pool: Pool;
  readonly masterKeys: MasterKeys;
  /** False: what tenants send is stored in clear. Signing keys are sealed all the same. */
  readonly sealsContent: boolean;
  /** Told of what cannot be opened: it was changed, or its key is not there. */
  readonly onUnreadable?: ((error: unknown) => void) | undefined;
}

/** Data keys by tenant. One that is not in it has none that can be used: the tenant is gone, mostly. */
export type DataKeys = ReadonlyMap<string, DataKey>;

const CACHED_TENANTS = 10_000;
/** A data key never changes, whatever wraps it; this bounds how long those of deleted tenants stay. */
const CACHE_MS = 10 * 60_000;
const NONE: DataKeys = new Map();

/** The data keys of tenants, in memory while they are in use. */
export class Vault {
  readonly masterKeys: MasterKeys;
  readonly #pool: Pool;
  readonly #sealsContent: boolean;
  readonly #onUnreadable: (error: unknown) => void;
  readonly #known = new LRUCache<string, DataKey>({ max: CACHED_TENANTS, ttl: CACHE_MS });

  constructor({ pool, masterKeys, sealsContent, onUnreadable }: VaultOptions) {
    this.#pool = pool;
    this.masterKeys = masterKeys;
    this.#sealsContent = sealsContent;
    this.#onUnreadable = onUnreadable ?? (() => undefined);
  }

  /** The keys to seal what these tenants sent; null where that is stored in clear. */
  async sealingKeys(tenantIds: Iterable<string>): Promise<DataKeys | null> {
    return this.#sealsContent ? this.keysOf(tenantIds) : null;
  }

  /** The same of one tenant. Throws when it has no key that can be used. */
  async sealingKey(tenantId: string): Promise<DataKey | null> {
    return this.#sealsContent ? this.keyOf(tenantId) : null;
  }

  /** Throws when the tenant has no key that can be used. */
  async keyOf(tenantId: string): Promise<DataKey> {
    const key = (await this.keysOf([tenantId])).get(tenantId);
    if (key === undefined) throw new Error(`tenant ${tenantId} has no data key that can be used`);
    return key;
  }

  /** From memory as a rule; one round trip for all that are not there. Reports those that cannot be used. */
  async keysOf(tenantIds: Iterable<string>): Promise<DataKeys> {
    const keys = new Map<string, DataKey>();
    const missing: string[] = [];
    for (const tenantId of new Set(tenantIds)) {
      const known = this.#known.get(tenantId);
      if (known === undefined) missing.push(tenantId);
      else keys.set(tenantId, known);
    }
    if (missing.length === 0) return keys.size === 0 ? NONE : keys;
    for (const { tenant_id: tenantId, ...row } of await this.#load(missing)) {
      const key = this.#tryRemember(tenantId, wrappedKey(row));
      if (key !== undefined) keys.set(tenantId, key);
    }
    return keys;
  }

  /** Remembers the key of a tenant whose row was read for another reason: nobody has to ask for it. */
  learn(tenantId: string, dataKey: Buffer | null, encryptionKeyId: string | null): void {
    if (dataKey === null || encryptionKeyId === null || this.#known.has(tenantId)) return;
    this.#tryRemember(tenantId, { dataKey, encryptionKeyId });
  }

  /** What `read` makes of each row; a row that cannot be opened is reported and left out. */
  readable<Row, Read>(rows: readonly Row[], read: (row: Row) => Read): Read[] {
    return rows.flatMap((row) => {
      try {
        return [read(row)];
      } catch (error) {
        this.#onUnreadable(error);
        return [];
      }
    });
  }

  #tryRemember(tenantId: string, wrapped: WrappedKey | null): DataKey | undefined {
    if (wrapped === null) return undefined;
    try {
      const key = new DataKey(this.masterKeys.unwrap(tenantId, wrapped));
      this.#known.set(tenantId, key);
      return key;
    } catch (error) {
      this.#onUnreadable(error);
      return undefined;
    }
  }

  /** Tenants that an earlier version made have no key yet: they get one, which is durable before it is used. */
  async #load(tenantIds: readonly string[]): Promise<readonly KeyRow[]> {
    const found = await this.#select(tenantIds);
    const without = found.filter((row) => row.data_key === null).map((row) => row.tenant_id);
    if (without.length === 0) return found;
    const made = without.map((tenantId) => this.masterKeys.makeDataKey(tenantId));
    await this.#pool.query(
      `UPDATE tenants t SET data_key = k.data_key, encryption_key_id = k.encryption_key_id
       FROM unnest($1::uuid[], $2::bytea[], $3::text[]) AS k (tenant_id, data_key, encryption_key_id)
       WHERE t.tenant_id = k.tenant_id AND t.data_key IS NULL`,
      [
        without,
        made.map(({ dataKey }) => dataKey),
        made.map(({ encryptionKeyId }) => encryptionKeyId),
      ],
    );
    return this.#select(tenantIds);
  }

  async #select(tenantIds: readonly string[]): Promise<readonly KeyRow[]> {
    const { rows } = await this.#pool.query<KeyRow>(
      "SELECT tenant_id, data_key, encryption_key_id FROM tenants WHERE tenant_id = ANY ($1::uuid[])",
      [tenantIds],
    );
    return rows;
  }
}

interface KeyRow {
  readonly tenant_id: string;
  readonly data_key: Buffer | null;
  readonly encryption_key_id: string | null;
}

function wrappedKey(row: Omit<KeyRow, "tenant_id">): WrappedKey | null {
  const { data_key: dataKey, encryption_key_id: encryptionKeyId } = row;
  return dataKey === null || encryptionKeyId === null ? null : { dataKey, encryptionKeyId };
}
