import type { Queryable } from "@omnistore/db/client";
import { coverNeeds, windowAt } from "@omnistore/domain/tenant/budget";
import { spentText } from "@omnistore/domain/tenant/limit-text";
import type { Plan } from "@omnistore/domain/tenant/plans";

import { leaseBudgets, returnBudget, type BudgetWindow } from "../lease-budgets.sql.ts";
import type { Plans } from "../tenant-plans.ts";
import type { DuePlan } from "./plan-due.ts";

const CLOSED = "the tenant is suspended: its schedules fire nothing";

export interface Standings {
  readonly tenants: Plans;
  /** Those that have used up the bandwidth of the month. */
  readonly spent: ReadonlySet<string>;
  /** Those that are suspended or being deleted. */
  readonly closed: ReadonlySet<string>;
  /** The database's time. */
  readonly nowMs: number;
}

/**
 * Leaves out what is not allowed: a tick of a tenant that is closed, or one that is beyond the
 * bandwidth of the month or beyond the day, fires nothing, and its schedule says why.
 */
export async function withinPlan(
  client: Queryable,
  { tenants, spent, closed, nowMs }: Standings,
  plans: readonly DuePlan[],
): Promise<readonly DuePlan[]> {
  const served = plans.map((each) => {
    const { tenantId } = each.advance;
    if (each.stores.length === 0) return each;
    if (closed.has(tenantId)) return skipped(each, CLOSED);
    const plan = tenants.get(tenantId);
    const isOver = plan !== undefined && spent.has(tenantId);
    return isOver ? skipped(each, spentText(plan, "month")) : each;
  });
  return withinDay(client, tenants, served, nowMs);
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
    notices: [...notices, { tenantId, scheduleId, kind: "refused", error }],
  };
}
