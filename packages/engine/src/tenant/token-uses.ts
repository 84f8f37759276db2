import type { Pool } from "@omnistore/db/client";

const WRITE_MS = 10_000;
/** A token that was noted less than this ago is not noted again. */
const COARSE_MINUTES = 10;

/**
 * Notes when tokens were last used: gathered in memory, written now and then, at most once in ten
 * minutes for each token. What a crash loses is a use, never a token.
 */
export class TokenUses {
  readonly name = "token-uses";
  readonly #pool: Pool;
  #used = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  note(tenantId: string, tokenId: string): void {
    this.#used.set(tokenId, tenantId);
  }

  async start(): Promise<void> {
    this.#timer ??= setInterval(() => void this.write().catch(() => undefined), WRITE_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.write().catch(() => undefined);
  }

  /** Writes what was gathered, by `tokens_pkey`. */
  async write(): Promise<void> {
    const used = this.#used;
    if (used.size === 0) return;
    this.#used = new Map();
    await this.#pool.query(
      `UPDATE tokens t SET last_used_at = now()
       FROM unnest($1::uuid[], $2::uuid[]) AS u (tenant_id, id)
       WHERE t.tenant_id = u.tenant_id AND t.id = u.id
         AND (t.last_used_at IS NULL OR t.last_used_at < now() - $3::int * interval '1 minute')`,
      [[...used.values()], [...used.keys()], COARSE_MINUTES],
    );
  }
}
