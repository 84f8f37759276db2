/** Attempts that one dispatcher has under way at once, at most, not counting slow ones. */
export const SLOTS = 256;

/** An attempt of this age gives its slot to others and goes on beside them. Milliseconds. */
export const SLOW_AFTER_MS = 250;

/** Slow attempts of one dispatcher that tenants share: what they hold in memory has to stay bounded. */
export const SLOW_SLOTS = 2_048;

/**
 * True when a tenant has as many slow attempts as it may: half of what is free, so that one tenant
 * alone gets a third of all and no number of tenants leaves nothing to a newcomer. The rule by which
 * switches share a buffer: Choudhury and Hahne, "Dynamic queue length thresholds", 1998.
 */
export function isSaturated(slowOfTenant: number, slowInAll: number): boolean {
  return slowOfTenant >= Math.max(1, (SLOW_SLOTS - slowInAll) / 2);
}
