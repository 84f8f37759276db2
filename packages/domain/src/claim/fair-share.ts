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
