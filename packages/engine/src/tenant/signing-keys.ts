import { tenants } from "@omnistore/db/schema/tenants";
import type { SigningKeys } from "@omnistore/domain/tenant/tenant";
import { eq } from "drizzle-orm";
import { LRUCache } from "lru-cache";

import type { Database } from "../database.ts";
import { rotateSigningKeys } from "./rotate-signing-keys.ts";
import type { Sealer } from "./seal.ts";

/** Attempts made this long after a rotation may still carry the old signature. */
const CACHE_MS = 1_000;
const CACHED_TENANTS = 10_000;

/** Opens tenants' signing keys, with a short memory. */
export class SigningKeyRing {
  readonly #db: Database;
  readonly #sealer: Sealer;
  readonly #keys: LRUCache<string, SigningKeys>;

  constructor(db: Database, sealer: Sealer) {
    this.#db = db;
    this.#sealer = sealer;
    this.#keys = new LRUCache({
      max: CACHED_TENANTS,
      ttl: CACHE_MS,
      // One look-up for all the attempts that need the same keys at once.
      fetchMethod: (tenantId) => this.#load(tenantId),
    });
  }

  /** Throws when the tenant is gone or its keys were sealed by another encryption key. */
  async of(tenantId: string): Promise<SigningKeys> {
    return orMissing(tenantId, await this.#keys.fetch(tenantId));
  }

  /** The same, as the database has them now: whoever rotates keys sees the new ones at once. */
  async read(tenantId: string): Promise<SigningKeys> {
    return orMissing(tenantId, await this.#load(tenantId));
  }

  /** The keys from now on; attempts sign with them as soon as the memory ends. */
  rotate(tenantId: string): Promise<SigningKeys> {
    return rotateSigningKeys(this.#db, this.#sealer, tenantId);
  }

  async #load(tenantId: string): Promise<SigningKeys | undefined> {
    const [row] = await this.#db
      .select({ current: tenants.currentSigningKey, next: tenants.nextSigningKey })
      .from(tenants)
      .where(eq(tenants.tenantId, tenantId));
    return (
      row && {
        current: this.#sealer.open(tenantId, row.current),
        next: this.#sealer.open(tenantId, row.next),
      }
    );
  }
}

function orMissing(tenantId: string, keys: SigningKeys | undefined): SigningKeys {
  if (keys === undefined) throw new Error(`tenant ${tenantId} has no signing keys`);
  return keys;
}
