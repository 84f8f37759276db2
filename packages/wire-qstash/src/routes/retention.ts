import { UNBOUNDED } from "@omnistore/domain/tenant/plans";

const DAY_MS = 86_400_000;

/** A query for no more than what the plan keeps; what nobody keeps is gone anyway. Contract 06 §1. */
export function withinRetention<Query extends { readonly fromMs?: number }>(
  query: Query,
  days: number,
  nowMs: number,
): Query {
  if (days >= UNBOUNDED.logRetentionDays) return query;
  return { ...query, fromMs: Math.max(query.fromMs ?? 0, nowMs - days * DAY_MS) };
}
