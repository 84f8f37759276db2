/** Which of the dispatchers that are alive one is: `rank` counts from 0. */
export interface DispatcherPlace {
  readonly rank: number;
  readonly count: number;
}

/**
 * How many messages of a tenant one dispatcher may have under way, so that all of them together have
 * as many as the plan allows and nobody has to ask another one. They share one queue: who has no
 * part of a small limit leaves its messages to the others.
 */
export function shareOfParallelism(limit: number | null, { rank, count }: DispatcherPlace): number {
  if (limit === null) return Number.POSITIVE_INFINITY;
  return Math.floor(limit / count) + (rank < limit % count ? 1 : 0);
}
