import { FairLine } from "@omnistore/domain/claim/fair-line";
import { WAITING_BYTES, WAITING_PLACES } from "@omnistore/domain/claim/slots";
import type { PendingMessage } from "@omnistore/domain/message/message";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";

/** A delivery that waits in memory for a slot. */
export interface Waiting {
  readonly leased: LeasedDelivery;
  readonly message: PendingMessage;
}

/**
 * What came by the direct lane and waits for a slot. While there is a backlog in the queue too, the two
 * take turns: each batch that is claimed owes as many starts to this line.
 */
export class WaitingLine {
  readonly #line = new FairLine<Waiting>();
  #bytes = 0;
  #reserved = 0;
  #owed = 0;

  get size(): number {
    return this.#line.size;
  }

  /** Whether it is this line's turn. */
  get isOwed(): boolean {
    return this.#owed > 0 && this.#line.size > 0;
  }

  /** A claim began so many deliveries. */
  owe(starts: number): void {
    this.#owed = Math.min(starts, this.#line.size);
  }

  takes(bytes: number): boolean {
    return this.#bytes + bytes <= WAITING_BYTES;
  }

  /** Reserves up to `wanted` places; returns how many. */
  reserve(wanted: number): number {
    const places = Math.min(wanted, WAITING_PLACES - this.#line.size - this.#reserved);
    this.#reserved += Math.max(0, places);
    return Math.max(0, places);
  }

  release(places: number): void {
    this.#reserved -= places;
  }

  push(waiting: Waiting): void {
    this.#line.push(waiting.leased.tenantId, waiting);
    this.#bytes += waiting.message.body.length;
  }

  shift(): Waiting | undefined {
    const waiting = this.#line.shift();
    if (waiting === undefined) return undefined;
    this.#bytes -= waiting.message.body.length;
    this.#owed -= 1;
    return waiting;
  }

  *[Symbol.iterator](): Iterator<LeasedDelivery> {
    for (const { leased } of this.#line) yield leased;
  }
}
