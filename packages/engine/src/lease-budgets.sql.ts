import type { Queryable } from "@omnistore/db/client";
import { BUDGETS, type BudgetName } from "@omnistore/domain/tenant/budget";

/** One window of one budget of one tenant. */
export interface BudgetWindow {
  readonly tenantId: string;
  readonly budget: BudgetName;
  /** Windows since the Unix epoch. */
  readonly window: number;
}

/** What is wanted of a window, of which no more than `limit` is leased in all. */
export interface BudgetAsk extends BudgetWindow {
  readonly wanted: number;
  readonly limit: number;
}

/**
 * Takes up to what is wanted of what is left and says for each ask, in order, how much it got; no two
 * may be for one row. One row for each tenant and budget, by `budgets_pkey`, written in its order by
 * everybody: a later window takes the place of an earlier one, and never the other way round.
 */
export async function leaseBudgets(
  db: Queryable,
  asks: readonly BudgetAsk[],
): Promise<readonly number[]> {
  const { rows } = await db.query<{ tenant_id: string; kind: number; share: number }>(
    `WITH ask AS (
       SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::int8[], $4::int8[], $5::int8[])
         AS a (tenant_id, kind, window_number, wanted, most)
     )
     INSERT INTO budgets AS b (tenant_id, kind, window_number, leased, leased_before)
     SELECT tenant_id, kind, window_number, least(wanted, most), 0 FROM ask ORDER BY tenant_id, kind
     ON CONFLICT (tenant_id, kind) DO UPDATE SET
       window_number = excluded.window_number,
       leased_before = CASE WHEN b.window_number = excluded.window_number THEN b.leased ELSE 0 END,
       leased = CASE WHEN b.window_number = excluded.window_number
         THEN (SELECT greatest(b.leased, least(a.most, b.leased + a.wanted)) FROM ask a
               WHERE a.tenant_id = b.tenant_id AND a.kind = b.kind)
         ELSE excluded.leased END
     WHERE b.window_number <= excluded.window_number
     RETURNING tenant_id, kind, (leased - leased_before)::float8 AS share`,
    [...windowColumns(asks), asks.map(({ wanted }) => wanted), asks.map(({ limit }) => limit)],
  );
  const shares = new Map(rows.map((row) => [`${row.kind} ${row.tenant_id}`, row.share]));
  return asks.map((ask) => shares.get(`${BUDGETS[ask.budget].kind} ${ask.tenantId}`) ?? 0);
}

/** Notes what was used whatever the limit says; no two charges may be for one row. */
export async function chargeBudgets(
  db: Queryable,
  charges: readonly (BudgetWindow & { readonly amount: number })[],
): Promise<void> {
  await db.query(
    `INSERT INTO budgets AS b (tenant_id, kind, window_number, leased, leased_before)
     SELECT tenant_id, kind, window_number, amount, 0
     FROM unnest($1::uuid[], $2::smallint[], $3::int8[], $4::int8[])
       AS c (tenant_id, kind, window_number, amount) ORDER BY tenant_id, kind
     ON CONFLICT (tenant_id, kind) DO UPDATE SET
       window_number = excluded.window_number,
       leased_before = CASE WHEN b.window_number = excluded.window_number THEN b.leased ELSE 0 END,
       leased = CASE WHEN b.window_number = excluded.window_number THEN b.leased ELSE 0 END
         + excluded.leased
     WHERE b.window_number <= excluded.window_number`,
    [...windowColumns(charges), charges.map(({ amount }) => amount)],
  );
}

/** Gives back what was leased and not spent, unless the window is over. */
export async function returnBudget(
  db: Queryable,
  { tenantId, budget, window }: BudgetWindow,
  unspent: number,
): Promise<void> {
  await db.query(
    `UPDATE budgets SET leased = greatest(0, leased - $4::bigint)
     WHERE tenant_id = $1 AND kind = $2 AND window_number = $3`,
    [tenantId, BUDGETS[budget].kind, window, unspent],
  );
}

function windowColumns(windows: readonly BudgetWindow[]) {
  return [
    windows.map(({ tenantId }) => tenantId),
    windows.map(({ budget }) => BUDGETS[budget].kind),
    windows.map(({ window }) => window),
  ];
}
