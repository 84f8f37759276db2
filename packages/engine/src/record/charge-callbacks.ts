import type { Queryable } from "@omnistore/db/client";
import { windowAt } from "@omnistore/domain/tenant/budget";

import { chargeBudgets, returnBudget } from "../lease-budgets.sql.ts";
import type { Plans } from "../tenant-plans.ts";
import type { Outcome } from "./write-outcomes.sql.ts";

/** What was charged at the start of a transaction, so far for every outcome of its batch. */
export interface Charged {
  /** Gives back, in that transaction, what was charged for outcomes that do not count. */
  settle(counted: readonly boolean[]): Promise<void>;
}

/**
 * Takes the callbacks of a batch from the day of their tenants in the transaction that stores them, so that both are
 * there or neither. They are never refused. Called before that transaction locks anything else: schedulers too take
 * the budgets before the gates. Tenants without such a limit cost nothing. `nowMs` is the database's time.
 */
export async function chargeCallbacks(
  client: Queryable,
  { plans, nowMs }: { readonly plans: Plans; readonly nowMs: number },
  batch: readonly Outcome[],
): Promise<Charged> {
  const window = windowAt("day", nowMs);
  const limited = ({ leased }: Outcome) =>
    (plans.get(leased.tenantId)?.limits.messagesPerDay ?? null) !== null;
  const charged = batch.map((each) => (limited(each) ? each.callbacks.length : 0));
  const sums = (isWanted: (index: number) => boolean) => {
    const amounts = new Map<string, number>();
    for (const [index, { leased }] of batch.entries()) {
      const amount = isWanted(index) ? (charged[index] ?? 0) : 0;
      if (amount > 0) amounts.set(leased.tenantId, (amounts.get(leased.tenantId) ?? 0) + amount);
    }
    return [...amounts].map(([tenantId, amount]) => ({
      tenantId,
      budget: "day" as const,
      window,
      amount,
    }));
  };

  const charges = sums(() => true);
  if (charges.length > 0) await chargeBudgets(client, charges);
  return {
    async settle(counted) {
      for (const each of sums((index) => counted[index] !== true)) {
        await returnBudget(client, each, each.amount);
      }
    },
  };
}
