import { tenants } from "@omnistore/db/schema/tenants";
import type { SigningKeys } from "@omnistore/domain/tenant/tenant";
import { eq } from "drizzle-orm";
import { LRUCache } from "lru-cache";

import type { TenantScopes } from "../tenant-scope.ts";
import type { Vault } from "../vault.ts";
import { rotateSigningKeys } from "./rotate-signing-keys.ts";
import { openSigningKey } from "./sealed-signing-key.ts";

/** Attempts made this long after a rotation may still carry the old signature. */
const CACHE_MS = 1_000;
const CACHED_TENANTS = 10_000;

/** Opens tenants' signing keys, with a short memory. */
export class SigningKeyRing {
  readonly #scopeOf: TenantScopes;
  readonly #vault: Vault;
  readonly #keys: LRUCache<string, SigningKeys>;

  constructor(scopeOf: TenantScopes, vault: Vault) {
    this.#scopeOf = scopeOf;
    this.#vault = vault;
    this.#keys = new LRUCache({
      max: CACHED_TENANTS,
      ttl: CACHE_MS,
      // One look-up for all the attempts that need the same keys at once.
      fetchMethod: (tenantId) => this.#load(tenantId),
    });
  }

  /** Throws when the tenant is gone or its keys cannot be opened. */
  async of(tenantId: string): Promise<SigningKeys> {
    return orMissing(tenantId, await this.#keys.fetch(tenantId));
  }

  /** The same, as the database has them now: whoever rotates keys sees the new ones at once. */
  async read(tenantId: string): Promise<SigningKeys> {
    return orMissing(tenantId, await this.#load(tenantId));
  }

  /** The keys from now on; attempts sign with them as soon as the memory ends. */
  rotate(tenantId: string): Promise<SigningKeys> {
    return rotateSigningKeys(this.#scopeOf(tenantId).db, this.#vault, tenantId);
  }

  async #load(tenantId: string): Promise<SigningKeys | undefined> {
    const [row] = await this.#scopeOf(tenantId)
      .db.select({
        current: tenants.currentSigningKey,
        next: tenants.nextSigningKey,
        dataKey: tenants.dataKey,
        encryptionKeyId: tenants.encryptionKeyId,
      })
      .from(tenants)
      .where(eq(tenants.tenantId, tenantId));
    if (row === undefined) return undefined;
    this.#vault.learn(tenantId, row.dataKey, row.encryptionKeyId);
    return {
      current: await openSigningKey(this.#vault, tenantId, row.current),
      next: await openSigningKey(this.#vault, tenantId, row.next),
    };
  }
}

function orMissing(tenantId: string, keys: SigningKeys | undefined): SigningKeys {
  if (keys === undefined) throw new Error(`tenant ${tenantId} has no signing keys`);
  return keys;
}
