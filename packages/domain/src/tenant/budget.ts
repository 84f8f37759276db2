/** What a tenant may do so often in a window of time. The number is how the database knows it. */
export const BUDGETS = {
  /** Messages of a UTC day. */
  day: { kind: 1, windowMs: 86_400_000, shares: 100 },
  /** Requests of a second. */
  second: { kind: 2, windowMs: 1_000, shares: 10 },
} as const;
export type BudgetName = keyof typeof BUDGETS;

/** What can be used up: a budget, or the bandwidth of a month. */
export type SpentName = BudgetName | "month";

/** A budget that is used up, as its caller is told. */
export interface BudgetSpent {
  readonly budget: SpentName;
  readonly limit: number;
  /** Unix milliseconds at which the next window begins. */
  readonly resetAtMs: number;
}

/** Which window a time is in, counted from the Unix epoch. */
export function windowAt(budget: BudgetName, nowMs: number): number {
  return Math.floor(nowMs / BUDGETS[budget].windowMs);
}

/**
 * How much a process asks for at once: a share that makes round trips rare and is small enough to be
 * lost with the process that holds it.
 */
export function shareOf(budget: BudgetName, limit: number, wanted: number): number {
  return Math.max(wanted, Math.ceil(limit / BUDGETS[budget].shares));
}

/**
 * Which of several needs a grant covers, in their order, each whole or not at all, and what of the
 * grant is left.
 */
export function coverNeeds(
  needs: readonly number[],
  granted: number,
): { readonly covered: readonly boolean[]; readonly left: number } {
  let left = granted;
  const covered = needs.map((need) => {
    if (need > left) return false;
    left -= need;
    return true;
  });
  return { covered, left };
}
