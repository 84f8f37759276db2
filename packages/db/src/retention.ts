import { PLANS, planOf, type LimitOverrides, type PlanName } from "@omnistore/domain/tenant/plans";

import { maintenanceQuery, type Queryable } from "./client.ts";

/** How many days history has to be there, for the tenants that may look back furthest. */
export interface Retention {
  readonly logDays: number;
  readonly deadLetterDays: number;
}

/** What the plans of all tenants ask for, and not less than the plan that new ones get. */
export async function longestRetention(db: Queryable): Promise<Retention> {
  const { rows } = await db.query<{ plan: PlanName; limits: LimitOverrides }>(
    maintenanceQuery(
      `SELECT DISTINCT plan, jsonb_strip_nulls(jsonb_build_object(
         'logRetentionDays', limits -> 'logRetentionDays',
         'deadLetterRetentionDays', limits -> 'deadLetterRetentionDays'
       )) AS limits FROM tenants`,
    ),
  );
  const all = [
    PLANS["pay-as-you-go"],
    ...rows.map(({ plan, limits }) => planOf(plan, limits).limits),
  ];
  return {
    logDays: Math.max(...all.map(({ logRetentionDays }) => logRetentionDays)),
    deadLetterDays: Math.max(...all.map(({ deadLetterRetentionDays }) => deadLetterRetentionDays)),
  };
}
