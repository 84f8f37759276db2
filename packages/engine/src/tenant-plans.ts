import type { Pool } from "@omnistore/db/client";
import {
  planOf,
  type LimitOverrides,
  type Plan,
  type PlanName,
} from "@omnistore/domain/tenant/plans";
import { LRUCache } from "lru-cache";

/** How long a plan is taken as it was read: a new limit is heard within a second in every process. */
const FRESH_MS = 1_000;
/** The same where nobody can wait for it to be read: a publish is accepted before it is stored. */
const RECENT_MS = 2 * FRESH_MS;
/** What was read a while ago is read again with what has to be: one statement a second for all. */
const SOON_STALE_MS = FRESH_MS / 2;
const REMEMBERED = 10_000;
/** Most plans that one statement reads along. */
const READ_ALONG = 1_000;

interface Known {
  /** Null when there is no such tenant. */
  readonly plan: Plan | null;
  /** Monotonic times. */
  readonly askedAt: number;
  usedAt: number;
}

/** Plans by tenant. One that is not in it has none: the tenant is gone. */
export type Plans = ReadonlyMap<string, Plan>;

/**
 * The plans of tenants that something is done for, where no request brings them along. In memory
 * while they are in use: nothing is read for each message, and nothing for an idle tenant.
 */
export class TenantPlans {
  readonly #pool: Pool;
  readonly #known = new LRUCache<string, Known>({ max: REMEMBERED });

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** From memory, or by one statement for all of which that is more than a second old. */
  async of(tenantIds: Iterable<string>): Promise<Plans> {
    const now = performance.now();
    const wanted = new Set(tenantIds);
    const stale = [...wanted].filter((tenantId) => !this.#isFresh(tenantId, now));
    if (stale.length > 0) await this.#read(stale);
    const plans = new Map<string, Plan>();
    for (const tenantId of wanted) {
      const known = this.#known.get(tenantId);
      if (known === undefined) continue;
      known.usedAt = now;
      if (known.plan !== null) plans.set(tenantId, known.plan);
    }
    return plans;
  }

  /** What was read a moment ago, without asking; undefined when nothing was. */
  recent(tenantId: string): Plan | null | undefined {
    const now = performance.now();
    const known = this.#known.get(tenantId);
    if (known === undefined || now - known.askedAt > RECENT_MS) return undefined;
    known.usedAt = now;
    return known.plan;
  }

  /** What was last read, however long ago. */
  last(tenantId: string): Plan | null | undefined {
    return this.#known.peek(tenantId)?.plan;
  }

  /** Remembers the plan of a tenant whose row was read for another reason, `askedAt` monotonic. */
  learn(tenantId: string, plan: Plan, askedAt: number): void {
    this.#known.set(tenantId, { plan, askedAt, usedAt: askedAt });
  }

  #isFresh(tenantId: string, now: number): boolean {
    const known = this.#known.get(tenantId);
    return known !== undefined && now - known.askedAt <= FRESH_MS;
  }

  async #read(stale: readonly string[]): Promise<void> {
    const askedAt = performance.now();
    const tenantIds = new Set(stale);
    for (const [tenantId, known] of this.#known.entries()) {
      if (tenantIds.size >= stale.length + READ_ALONG) break;
      const isUsed = askedAt - known.usedAt < FRESH_MS;
      if (isUsed && askedAt - known.askedAt > SOON_STALE_MS) tenantIds.add(tenantId);
    }
    const { rows } = await this.#pool.query<{
      tenant_id: string;
      plan: PlanName;
      limits: LimitOverrides;
    }>("SELECT tenant_id, plan, limits FROM tenants WHERE tenant_id = ANY ($1::uuid[])", [
      [...tenantIds],
    ]);
    const found = new Map(rows.map((row) => [row.tenant_id, planOf(row.plan, row.limits)]));
    for (const tenantId of tenantIds) {
      const plan = found.get(tenantId) ?? null;
      const usedAt = this.#known.peek(tenantId)?.usedAt ?? askedAt;
      this.#known.set(tenantId, { plan, askedAt, usedAt });
    }
  }
}
