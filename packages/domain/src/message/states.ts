/** Where a message that is still to be delivered stands in the hot queue. */
export const QUEUE_STATES = ["delayed", "ready", "leased"] as const;
export type QueueState = (typeof QUEUE_STATES)[number];

/** How a message leaves the hot queue for good. */
export const END_STATES = ["delivered", "dead", "cancelled"] as const;
export type EndState = (typeof END_STATES)[number];

/** One step that a message can take; `stored` is the moment of its acceptance. */
export interface StateMove {
  readonly from: QueueState | "stored";
  readonly to: QueueState | EndState;
  readonly by: string;
}

/**
 * Every move there is. Drawn in `docs/message-states.md`; a test holds the drawing to this table.
 * Only the owner of a lease moves a message out of `leased`, except when it lost the lease or the
 * message is cancelled: whatever its attempt comes to then changes nothing.
 */
export const STATE_MOVES = [
  { from: "stored", to: "delayed", by: "store: due later" },
  { from: "stored", to: "ready", by: "store: due now" },
  { from: "stored", to: "leased", by: "store: direct lane" },
  { from: "delayed", to: "ready", by: "promote" },
  { from: "ready", to: "leased", by: "claim" },
  { from: "leased", to: "delivered", by: "record: 2xx" },
  { from: "leased", to: "delayed", by: "record: retry" },
  { from: "leased", to: "dead", by: "record: given up" },
  { from: "leased", to: "ready", by: "lease lost or handed back" },
  { from: "delayed", to: "cancelled", by: "cancel" },
  { from: "ready", to: "cancelled", by: "cancel" },
  { from: "leased", to: "cancelled", by: "cancel" },
] as const satisfies readonly StateMove[];
