import { LRUCache } from "lru-cache";

import type { TenantScopes } from "../tenant-scope.ts";
import type { TenantPlans } from "../tenant-plans.ts";
import type { Vault } from "../vault.ts";
import { readSender, type Sender } from "./read-sender.ts";

/** Attempts made this long after a change, of keys or of the plan, may still go by what was before. */
const CACHE_MS = 1_000;
const CACHED_TENANTS = 10_000;

/** What every attempt needs of its tenant, with a short memory. */
export class Senders {
  readonly #known: LRUCache<string, Sender>;

  constructor(scopeOf: TenantScopes, vault: Vault, plans: TenantPlans) {
    this.#known = new LRUCache({
      max: CACHED_TENANTS,
      ttl: CACHE_MS,
      // One look-up for all the attempts that need the same tenant at once.
      fetchMethod: async (tenantId) => {
        const askedAt = performance.now();
        const sender = await readSender(scopeOf, vault, tenantId);
        plans.learn(tenantId, sender.plan, askedAt);
        return sender;
      },
    });
  }

  /** Throws when the tenant is gone or its keys cannot be opened. */
  of(tenantId: string): Promise<Sender> {
    return this.#known.forceFetch(tenantId);
  }
}
