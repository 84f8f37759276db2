import { tenants } from "@omnistore/db/schema/tenants";
import { tokens } from "@omnistore/db/schema/tokens";
import { planOf } from "@omnistore/domain/tenant/plans";
import type { Caller } from "@omnistore/domain/tenant/tenant";
import { and, eq, sql } from "drizzle-orm";
import { LRUCache } from "lru-cache";

import type { Database } from "../database.ts";
import type { TenantPlans } from "../tenant-plans.ts";
import type { Vault } from "../vault.ts";
import { isDevelopmentTenant } from "./development-credentials.ts";
import { standingOf } from "./standing.ts";
import { claimedTenantId, hashToken } from "./token.ts";

/**
 * How long a token is remembered, from the moment the database was asked: a revocation holds within a
 * second also where its announcement never arrives.
 */
const CACHE_MS = 900;
const CACHED_TOKENS = 10_000;

export interface AuthenticatorOptions {
  /** True in development mode only: the credentials are public. */
  readonly acceptDevelopmentCredentials: boolean;
  /** Shown the data key of every tenant that is looked up: its messages need no look-up of their own. */
  readonly vault?: Pick<Vault, "learn">;
  /** Shown the plan as well. */
  readonly plans?: Pick<TenantPlans, "learn">;
  /** Told of every token that was looked up and is one of ours. */
  readonly onUsed?: (tenantId: string, tokenId: string) => void;
}

/** Proves tokens against their stored hashes, with a short memory that never holds their text. */
export class Authenticator {
  readonly #db: Database;
  readonly #options: AuthenticatorOptions;
  readonly #known = new LRUCache<string, Caller>({ max: CACHED_TOKENS, ttl: CACHE_MS });
  /** Look-ups under way: the requests that come meanwhile wait for the same one. */
  readonly #asked = new Map<string, Promise<Caller | null>>();
  /** Counts the times everything was forgotten: a look-up that began before is not remembered. */
  #era = 0;

  constructor(db: Database, options: AuthenticatorOptions) {
    this.#db = db;
    this.#options = options;
  }

  /** Who the token stands for; null when it is not, or no longer, a token of ours. */
  async authenticate(token: string): Promise<Caller | null> {
    const key = hashToken(token).toString("base64");
    const known = this.#known.get(key) ?? this.#asked.get(key);
    if (known) return known;
    const tenantId = claimedTenantId(token);
    if (tenantId === null) return null;
    if (isDevelopmentTenant(tenantId) && !this.#options.acceptDevelopmentCredentials) return null;
    const asked = this.#lookUp(key, tenantId).finally(() => {
      if (this.#asked.get(key) === asked) this.#asked.delete(key);
    });
    this.#asked.set(key, asked);
    return asked;
  }

  /** Forgets every token: some may have been revoked, or their tenants changed. */
  forget(): void {
    this.#era += 1;
    this.#known.clear();
    this.#asked.clear();
  }

  async #lookUp(key: string, tenantId: string): Promise<Caller | null> {
    const [era, start] = [this.#era, performance.now()];
    const [row] = await this.#db
      .select({
        id: tokens.id,
        name: tokens.name,
        role: tokens.role,
        remainingMs: sql<number>`coalesce(extract(epoch FROM ${tokens.expiresAt} - now()) * 1000, ${CACHE_MS})::float8`,
        suspendedAt: tenants.suspendedAt,
        deletionAskedAt: tenants.deletionAskedAt,
        plan: tenants.plan,
        limits: tenants.limits,
        dataKey: tenants.dataKey,
        encryptionKeyId: tenants.encryptionKeyId,
      })
      .from(tokens)
      .innerJoin(tenants, eq(tenants.tenantId, tokens.tenantId))
      .where(and(eq(tokens.tenantId, tenantId), eq(tokens.hash, Buffer.from(key, "base64"))));
    if (!row || row.remainingMs <= 0) return null;
    this.#options.vault?.learn(tenantId, row.dataKey, row.encryptionKeyId);
    const plan = planOf(row.plan, row.limits);
    this.#options.plans?.learn(tenantId, plan, start);
    const caller: Caller = {
      tenantId,
      role: row.role,
      token: { id: row.id, name: row.name },
      standing: standingOf(row),
      plan,
    };
    const ttl = Math.ceil(Math.min(CACHE_MS, row.remainingMs));
    if (era === this.#era) this.#known.set(key, caller, { ttl, start });
    this.#options.onUsed?.(tenantId, row.id);
    return caller;
  }
}
