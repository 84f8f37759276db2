import { tokens } from "@omnistore/db/schema/tokens";
import type { Caller } from "@omnistore/domain/tenant/tenant";
import { and, eq } from "drizzle-orm";
import { LRUCache } from "lru-cache";

import type { Database } from "../database.ts";
import { DEVELOPMENT_TENANT_ID } from "./development-credentials.ts";
import { claimedTenantId, hashToken } from "./token.ts";

/** A revoked token works for at most this long. */
const CACHE_MS = 1_000;
const CACHED_TOKENS = 10_000;

export interface AuthenticatorOptions {
  /** True in development mode only: the credentials are public. */
  readonly acceptDevelopmentCredentials: boolean;
}

/** Proves tokens against their stored hashes, with a short memory. */
export class Authenticator {
  readonly #db: Database;
  readonly #options: AuthenticatorOptions;
  readonly #known = new LRUCache<string, Caller>({ max: CACHED_TOKENS, ttl: CACHE_MS });

  constructor(db: Database, options: AuthenticatorOptions) {
    this.#db = db;
    this.#options = options;
  }

  /** Who the token stands for; null when it is not, or no longer, a token of ours. */
  async authenticate(token: string): Promise<Caller | null> {
    const known = this.#known.get(token);
    if (known) return known;
    const tenantId = claimedTenantId(token);
    if (tenantId === null) return null;
    if (tenantId === DEVELOPMENT_TENANT_ID && !this.#options.acceptDevelopmentCredentials) {
      return null;
    }
    const [row] = await this.#db
      .select({ role: tokens.role })
      .from(tokens)
      .where(and(eq(tokens.tenantId, tenantId), eq(tokens.hash, hashToken(token))));
    if (!row) return null;
    const caller = { tenantId, role: row.role };
    this.#known.set(token, caller);
    return caller;
  }
}
