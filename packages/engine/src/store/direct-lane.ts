import type { Message } from "@omnistore/domain/message/message";

/** Places for deliveries that are stored already leased. */
export interface Reservation {
  readonly owner: string;
  /** Those that have one. */
  readonly messages: ReadonlySet<Message>;
}

/**
 * The short way from store to deliver when both are in one process: a message is stored already
 * leased and handed over in memory, so it needs no claim.
 */
export interface DirectLane {
  /**
   * Reserves places in its line for as many as there are, in order: not for messages whose tenant, or
   * the host that they go to, has enough under way here, nor for more bytes than may wait. Null while
   * there is no place, or it has no lease.
   */
  reserve(messages: readonly Message[]): Reservation | null;
  /** Hands over what was stored, of what was reserved. */
  accept(reservation: Reservation, stored: readonly Message[]): void;
  /** Gives back the places of a write that failed. */
  release(reservation: Reservation): void;
}
