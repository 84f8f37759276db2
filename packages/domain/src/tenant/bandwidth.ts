import type { BudgetSpent } from "./budget.ts";

/** A UTC month: Unix milliseconds at which it begins, and the next one does. */
export interface Month {
  readonly fromMs: number;
  readonly toMs: number;
}

export function monthAt(unixMs: number): Month {
  const date = new Date(unixMs);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return { fromMs: Date.UTC(year, month), toMs: Date.UTC(year, month + 1) };
}

/** Null while a month's bytes, those that came in and those that were sent, are below the limit. */
export function bandwidthSpent(bytes: number, limit: number, { toMs }: Month): BudgetSpent | null {
  return bytes < limit ? null : { budget: "month", limit, resetAtMs: toMs };
}
