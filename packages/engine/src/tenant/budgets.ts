import type { Pool } from "@omnistore/db/client";
import {
  BUDGETS,
  shareOf,
  windowAt,
  type BudgetName,
  type BudgetSpent,
} from "@omnistore/domain/tenant/budget";

import type { DatabaseClock } from "../database-clock.ts";
import { leaseBudgets, returnBudget, type BudgetWindow } from "../lease-budgets.sql.ts";

/** What this process may spend of one window without asking anybody. */
interface Share extends BudgetWindow {
  left: number;
  /** Monotonic times. */
  usedAt: number;
  /** Until then it is known that there is nothing left to lease, under a limit like this one. */
  emptyUntil: number;
  emptyLimit: number;
  leasing: Promise<void> | undefined;
}

const SWEEP_MS = 1_000;
/** How long a process that found nothing left does not ask again. */
const EMPTY_MS = 1_000;

/**
 * Limits that hold over all processes without a round trip for each request: a process leases a
 * share of the tenant's budget, spends it in memory, and gives back what it leaves unused for a
 * second. Never more than the limit is spent; a process that is killed takes its share with it.
 * See docs/adr/0001-leased-budgets.md.
 */
export class Budgets {
  readonly name = "budgets";
  readonly #pool: Pool;
  readonly #clock: DatabaseClock;
  readonly #shares = new Map<string, Share>();
  #timer: NodeJS.Timeout | undefined;

  constructor(pool: Pool, clock: DatabaseClock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** Null when `amount` was spent, all of it; else why nothing was. */
  async spend(
    tenantId: string,
    budget: BudgetName,
    limit: number,
    amount: number,
  ): Promise<BudgetSpent | null> {
    const share = this.#shareAt(tenantId, budget);
    while (share.left < amount && mayAsk(share, limit)) {
      // Requests that wait for a lease wait for the same one; whoever it leaves out asks again.
      share.leasing ??= this.#lease(share, limit, amount - share.left).finally(() => {
        share.leasing = undefined;
      });
      await share.leasing;
    }
    share.usedAt = performance.now();
    if (share.left >= amount) {
      share.left -= amount;
      return null;
    }
    const resetAtMs = (share.window + 1) * BUDGETS[budget].windowMs;
    return { budget, limit, resetAtMs };
  }

  /** What was spent for nothing can be spent again. */
  refund(tenantId: string, budget: BudgetName, amount: number): void {
    this.#shareAt(tenantId, budget).left += amount;
  }

  async start(): Promise<void> {
    this.#timer ??= setInterval(() => {
      void this.#giveBack(performance.now() - SWEEP_MS).catch(() => undefined);
    }, SWEEP_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#giveBack(Number.POSITIVE_INFINITY).catch(() => undefined);
  }

  #shareAt(tenantId: string, budget: BudgetName): Share {
    const key = `${budget} ${tenantId}`;
    const window = windowAt(budget, this.#clock.nowMs());
    const known = this.#shares.get(key);
    if (known !== undefined && known.window >= window) return known;
    const share: Share = {
      tenantId,
      budget,
      window,
      left: 0,
      usedAt: performance.now(),
      emptyUntil: 0,
      emptyLimit: 0,
      leasing: undefined,
    };
    this.#shares.set(key, share);
    return share;
  }

  async #lease(share: Share, limit: number, missing: number): Promise<void> {
    const wanted = shareOf(share.budget, limit, missing);
    const [got = 0] = await leaseBudgets(this.#pool, [{ ...share, wanted, limit }]);
    share.left += got;
    if (got >= missing) return;
    share.emptyUntil = performance.now() + EMPTY_MS;
    share.emptyLimit = limit;
  }

  /** Forgets what was not used since `before`, monotonic time, and lets others spend what it held. */
  async #giveBack(before: number): Promise<void> {
    for (const [key, share] of this.#shares) {
      if (share.usedAt > before || share.leasing !== undefined) continue;
      this.#shares.delete(key);
      const unspent = share.left;
      share.left = 0;
      if (unspent > 0) await returnBudget(this.#pool, share, unspent);
    }
  }
}

/** A limit that was raised is worth another look at once. */
function mayAsk({ emptyUntil, emptyLimit }: Share, limit: number): boolean {
  return limit > emptyLimit || performance.now() >= emptyUntil;
}
