import type { Pool } from "@omnistore/db/client";
import { BUDGETS, type BudgetName } from "@omnistore/domain/tenant/budget";

/** One window of one budget of one tenant. */
export interface BudgetWindow {
  readonly tenantId: string;
  readonly budget: BudgetName;
  /** Windows since the Unix epoch. */
  readonly window: number;
}

/**
 * Takes up to `wanted` of what is left and says how much it got. One row for each tenant and budget,
 * by `budgets_pkey`: a later window takes the place of an earlier one, and never the other way round.
 */
export async function leaseBudget(
  pool: Pool,
  { tenantId, budget, window }: BudgetWindow,
  wanted: number,
  limit: number,
): Promise<number> {
  const { rows } = await pool.query<{ share: number }>(
    `INSERT INTO budgets AS b (tenant_id, kind, window_number, leased, leased_before)
     VALUES ($1, $2, $3, least($4::bigint, $5::bigint), 0)
     ON CONFLICT (tenant_id, kind) DO UPDATE SET
       window_number = excluded.window_number,
       leased_before = CASE WHEN b.window_number = excluded.window_number THEN b.leased ELSE 0 END,
       leased = CASE WHEN b.window_number = excluded.window_number
         THEN greatest(b.leased, least($5::bigint, b.leased + $4::bigint)) ELSE excluded.leased END
     WHERE b.window_number <= excluded.window_number
     RETURNING (leased - leased_before)::float8 AS share`,
    [tenantId, BUDGETS[budget].kind, window, wanted, limit],
  );
  return rows[0]?.share ?? 0;
}

/** Gives back what was leased and not spent, unless the window is over. */
export async function returnBudget(
  pool: Pool,
  { tenantId, budget, window }: BudgetWindow,
  unspent: number,
): Promise<void> {
  await pool.query(
    `UPDATE budgets SET leased = greatest(0, leased - $4::bigint)
     WHERE tenant_id = $1 AND kind = $2 AND window_number = $3`,
    [tenantId, BUDGETS[budget].kind, window, unspent],
  );
}
