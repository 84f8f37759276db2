import type { BudgetSpent } from "@omnistore/domain/tenant/budget";
import { spentText } from "@omnistore/domain/tenant/limit-text";
import type { Plan } from "@omnistore/domain/tenant/plans";
import { InvalidRequest } from "../errors.ts";

const PREFIX = { day: "RateLimit", second: "Burst-RateLimit", month: "RateLimit" } as const;

/**
 * The refusal of what a plan has no more of in this window. Clients tell the two apart by their
 * headers, so a refusal never carries both; the reset is in Unix seconds. Contract 00 §4.
 */
export function overBudget({ budget, limit, resetAtMs }: BudgetSpent, plan: Plan): InvalidRequest {
  const prefix = PREFIX[budget];
  return new InvalidRequest(429, spentText(plan, budget), {
    [`${prefix}-Limit`]: String(limit),
    [`${prefix}-Remaining`]: "0",
    [`${prefix}-Reset`]: String(Math.ceil(resetAtMs / 1_000)),
  });
}
