import type { Pool } from "@omnistore/db/client";
import { bandwidthSpent, monthAt, type Month } from "@omnistore/domain/tenant/bandwidth";
import type { BudgetSpent } from "@omnistore/domain/tenant/budget";
import { LRUCache } from "lru-cache";

import type { DatabaseClock } from "./database-clock.ts";
import { selectMonthBytes } from "./month-bytes.sql.ts";
import type { Plans } from "./tenant-plans.ts";

/** How old a sum may be. A month's limit is passed by what a tenant does in that time, at most. */
const FRESH_MS = 5_000;
const REMEMBERED = 10_000;

interface Sum {
  readonly monthMs: number;
  readonly bytes: number;
  /** Monotonic time. */
  readonly readAt: number;
}

/**
 * Holds tenants to the bandwidth of their month, by what was metered. Tenants without such a limit
 * cost nothing; of the others the sum is read when a process first meets them, and then behind what
 * they do, every few seconds while they do something.
 */
export class Bandwidth {
  readonly #pool: Pool;
  readonly #clock: DatabaseClock;
  readonly #sums = new LRUCache<string, Sum>({ max: REMEMBERED });
  readonly #reading = new Map<string, Promise<void>>();

  constructor(pool: Pool, clock: DatabaseClock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** Null when the tenant may go on. Nobody is refused for a sum that cannot be read. */
  async spent(tenantId: string, limit: number | null): Promise<BudgetSpent | null> {
    if (limit === null) return null;
    const month = monthAt(this.#clock.nowMs());
    if (this.#sumOf(tenantId, month) === undefined) await this.#read(tenantId, month);
    const sum = this.#sumOf(tenantId, month);
    if (sum === undefined) return null;
    if (performance.now() - sum.readAt > FRESH_MS) void this.#read(tenantId, month);
    return bandwidthSpent(sum.bytes, limit, month);
  }

  /** Those of the tenants that may not go on. */
  async spentBy(plans: Plans): Promise<ReadonlySet<string>> {
    const answers = await Promise.all(
      [...plans].map(async ([tenantId, { limits }]) => {
        const spent = await this.spent(tenantId, limits.bandwidthBytesPerMonth);
        return spent === null ? [] : [tenantId];
      }),
    );
    return new Set(answers.flat());
  }

  #sumOf(tenantId: string, { fromMs }: Month): Sum | undefined {
    const sum = this.#sums.get(tenantId);
    return sum?.monthMs === fromMs ? sum : undefined;
  }

  /** Whoever asks meanwhile waits for the same answer. */
  #read(tenantId: string, month: Month): Promise<void> {
    const reading =
      this.#reading.get(tenantId) ??
      this.#sum(tenantId, month)
        .catch(() => undefined)
        .finally(() => this.#reading.delete(tenantId));
    this.#reading.set(tenantId, reading);
    return reading;
  }

  async #sum(tenantId: string, month: Month): Promise<void> {
    const bytes = await selectMonthBytes(this.#pool, tenantId, month);
    this.#sums.set(tenantId, { monthMs: month.fromMs, bytes, readAt: performance.now() });
  }
}
