/** Attempts that one dispatcher has under way at once, at most, not counting slow ones. */
export const SLOTS = 256;

/**
 * Deliveries that may wait in memory for a slot, and the bytes of their messages: enough to ride out a
 * burst without a claim, so few that they are under way within half a second or so: a cancellation comes
 * too late for them, and no other dispatcher can take them over.
 */
export const WAITING_PLACES = 4_096;
export const WAITING_BYTES = 16 * 1024 * 1024;

/** An attempt of this age gives its slot to others and goes on beside them. Milliseconds. */
export const SLOW_AFTER_MS = 250;

/** What tenants share of one dispatcher for slow attempts: what they hold in memory has to stay bounded. */
export const SLOW_SLOTS = 2_048;

/** Deliveries that one dispatcher has leased at once, at most: under way, slow or not, and waiting. */
export const MOST_LEASED = SLOTS + SLOW_SLOTS + WAITING_PLACES;

/** Bytes of a message that one slow slot stands for: all of them hold 128 MiB of messages. */
export const SLOW_SLOT_BYTES = 64 * 1024;

/**
 * A message of more bytes takes slow slots from its start, because attempts that are not slow are
 * bounded in number only: `SLOTS` of this size hold 64 MiB.
 */
export const LARGE_BYTES = 4 * SLOW_SLOT_BYTES;

/** How many slow slots an attempt takes, whose message has that many bytes. */
export function slowSlotsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / SLOW_SLOT_BYTES));
}

/**
 * True when a tenant has as many slow slots as it may: half of what is free, so that one tenant
 * alone gets a third of all and no number of tenants leaves nothing to a newcomer. The rule by which
 * switches share a buffer: Choudhury and Hahne, "Dynamic queue length thresholds", 1998.
 */
export function isSaturated(slowOfTenant: number, slowInAll: number): boolean {
  return slowOfTenant >= Math.max(1, (SLOW_SLOTS - slowInAll) / 2);
}

/**
 * Whether a tenant may hold so many slow slots more for the answer to an attempt that is under way:
 * while it has not its share yet, and never beyond all, since an answer can wait.
 */
export function hasRoom(slots: number, slowOfTenant: number, slowInAll: number): boolean {
  return !isSaturated(slowOfTenant, slowInAll) && slowInAll + slots <= SLOW_SLOTS;
}

/**
 * Whether a tenant may start a large message. One that starts may go beyond all slots, so that the
 * largest ones start too; beyond them nothing large does, however many tenants there are.
 */
export function hasRoomForLarge(slowOfTenant: number, slowInAll: number): boolean {
  return slowInAll < SLOW_SLOTS && !isSaturated(slowOfTenant, slowInAll);
}

/**
 * What `isSaturated` says of a tenant, of one host that a tenant sends to: a quarter of what is free. One host alone gets a
 * fifth of all, and its tenant has room for others beside it.
 */
export function isHostSaturated(slowOfHost: number, slowInAll: number): boolean {
  return slowOfHost >= Math.max(1, (SLOW_SLOTS - slowInAll) / 4);
}
