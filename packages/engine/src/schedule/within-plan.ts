import type { Queryable } from "@omnistore/db/client";
import { coverNeeds, windowAt } from "@omnistore/domain/tenant/budget";
import { spentText } from "@omnistore/domain/tenant/limit-text";
import type { Plan } from "@omnistore/domain/tenant/plans";

import { leaseBudgets, returnBudget, type BudgetWindow } from "../lease-budgets.sql.ts";
import type { Plans } from "../tenant-plans.ts";
import type { DuePlan } from "./plan-due.ts";

/**
 * Leaves out what the tenants' plans do not allow: a tick that is beyond the bandwidth of the month,
 * which those in `spent` have used up, or beyond the day, fires nothing, and its schedule says why.
 */
export async function withinPlan(
  client: Queryable,
  { tenants, spent, nowMs }: { tenants: Plans; spent: ReadonlySet<string>; nowMs: number },
  plans: readonly DuePlan[],
): Promise<readonly DuePlan[]> {
  const inMonth = plans.map((each) => {
    const plan = tenants.get(each.advance.tenantId);
    const isOver = each.stores.length > 0 && spent.has(each.advance.tenantId);
    return isOver && plan !== undefined ? skipped(each, spentText(plan, "month")) : each;
  });
  return withinDay(client, tenants, inMonth, nowMs);
}

/**
 * Takes what ticks store from the day of their tenants, in the transaction that stores it: one
 * statement for all tenants that have such a limit, none when nobody has. `nowMs` is the database's time.
 */
async function withinDay(
  client: Queryable,
  tenants: Plans,
  plans: readonly DuePlan[],
  nowMs: number,
): Promise<readonly DuePlan[]> {
  const window = windowAt("day", nowMs);
  const limited = limitedTenants(tenants, plans);
  if (limited.length === 0) return plans;
  const asks = limited.map(({ tenantId, firing, limit }) => ({
    tenantId,
    budget: "day" as const,
    window,
    limit,
    wanted: firing.reduce((sum, { stores }) => sum + stores.length, 0),
  }));
  const granted = await leaseBudgets(client, asks);
  const refused = new Map<DuePlan, Plan>();
  for (const [index, { tenantId, plan, firing }] of limited.entries()) {
    const needs = firing.map(({ stores }) => stores.length);
    const { covered, left } = coverNeeds(needs, granted[index] ?? 0);
    for (const [at, each] of firing.entries()) if (covered[at] !== true) refused.set(each, plan);
    const day: BudgetWindow = { tenantId, budget: "day", window };
    if (left > 0) await returnBudget(client, day, left);
  }
  return plans.map((each) => {
    const plan = refused.get(each);
    return plan === undefined ? each : skipped(each, spentText(plan, "day"));
  });
}

interface LimitedTenant {
  readonly tenantId: string;
  readonly plan: Plan;
  readonly limit: number;
  readonly firing: readonly DuePlan[];
}

function limitedTenants(tenants: Plans, plans: readonly DuePlan[]): readonly LimitedTenant[] {
  const firing = Map.groupBy(
    plans.filter(({ stores }) => stores.length > 0),
    ({ advance }) => advance.tenantId,
  );
  return [...firing].flatMap(([tenantId, ofTenant]) => {
    const plan = tenants.get(tenantId);
    const limit = plan?.limits.messagesPerDay ?? null;
    if (plan === undefined || limit === null) return [];
    return [{ tenantId, plan, limit, firing: ofTenant }];
  });
}

function skipped({ advance, notices }: DuePlan, error: string): DuePlan {
  const { tenantId, scheduleId } = advance;
  return {
    advance: { ...advance, tick: null, error },
    stores: [],
    notices: [...notices, { tenantId, scheduleId, kind: "over-limit", error }],
  };
}
