/** What one delivery costs a tenant of weight 1, in microseconds of virtual time. */
export const COST_MICROS = 1000;

/**
 * The virtual time of a tenant's next delivery, in microseconds: max(now, last + cost / weight),
 * rounded up. Deliveries leave in this order, so a tenant with many of them runs ahead of the
 * clock and lets the others in between, while one that was idle starts at now and saves nothing up.
 */
export function nextVirtualTime(
  nowMicros: number,
  lastMicros: number | undefined,
  weight = 1,
): number {
  if (!(weight > 0)) throw new RangeError(`weight must be more than 0, not ${weight}`);
  if (lastMicros === undefined) return nowMicros;
  return Math.max(nowMicros, lastMicros + Math.ceil(COST_MICROS / weight));
}

/** Tenants whose places are remembered from one promotion to the next; each travels with the statement. */
const REMEMBERED_TENANTS = 1_000;

/**
 * What is worth remembering of tenants' last places (virtual time, microseconds): those that are after
 * the clock, for a tenant that is not would start at the clock anyway; of too many the furthest.
 */
export function furthestAhead(
  places: ReadonlyMap<string, number>,
  nowMicros: number,
  most = REMEMBERED_TENANTS,
): ReadonlyMap<string, number> {
  const ahead = [...places].filter(([, last]) => last > nowMicros);
  if (ahead.length <= most) return new Map(ahead);
  return new Map(ahead.toSorted(([, a], [, b]) => b - a).slice(0, most));
}
