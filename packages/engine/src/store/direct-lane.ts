import type { Message } from "@omnistore/domain/message/message";

/** Places for deliveries that are stored already leased. */
export interface Reservation {
  readonly owner: string;
  readonly places: number;
}

/**
 * The short way from store to deliver when both are in one process: a message is stored already
 * leased and handed over in memory, so it needs no claim.
 */
export interface DirectLane {
  /** False when its tenant, or the host that it goes to, has enough slow attempts under way here, or too many bytes wait. */
  takes(message: Message): boolean;
  /** Reserves up to `wanted` places in its line; null while there is none, or it has no lease. */
  reserve(wanted: number): Reservation | null;
  /** Hands over what was stored; at most as many as were reserved. */
  accept(reservation: Reservation, stored: readonly Message[]): void;
  /** Gives back the places of a write that failed. */
  release(reservation: Reservation): void;
}
