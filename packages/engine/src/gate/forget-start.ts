import { inTransaction, type Pool } from "@omnistore/db/client";
import { afterUnsent } from "@omnistore/domain/gate/allowance";

import type { CountedStart } from "../leased-delivery.ts";

/**
 * Gives a place in a period back whose start was too late and never went out. What is under way is
 * counted from the queue and is not touched. Returns whether the place could be given back: a period
 * that is over, or was reset, has none.
 */
export function forgetStart(pool: Pool, tenantId: string, start: CountedStart): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{
      rate: number | null;
      rate_count: number;
      opening_count: number;
      period_started_ms: number | null;
    }>(
      `SELECT rate, rate_count, opening_count,
         (extract(epoch FROM period_started_at) * 1000)::float8 AS period_started_ms
       FROM gates WHERE tenant_id = $1 AND kind = 2 AND name = $2 FOR UPDATE`,
      [tenantId, start.key],
    );
    const [gate] = rows;
    if (!gate) return false;
    // Asked behind the lock: what passed before it is in the past.
    const clock = await client.query<{ now_ms: number }>(
      "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms",
    );
    const memory = afterUnsent(
      {
        rate: gate.rate,
        rateCount: gate.rate_count,
        openingCount: gate.opening_count,
        periodStartedAtMs: gate.period_started_ms,
        nowMs: clock.rows[0]?.now_ms ?? 0,
      },
      start,
    );
    if (memory === null) return false;
    await client.query(
      `UPDATE gates SET rate_count = $3, opening_count = $4,
         period_started_at = to_timestamp($5::float8 / 1000), due_at = now()
       WHERE tenant_id = $1 AND kind = 2 AND name = $2`,
      [tenantId, start.key, memory.rateCount, memory.openingCount, memory.periodStartedAtMs],
    );
    return true;
  });
}
