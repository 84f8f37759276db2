import type { Claim } from "@omnistore/engine/claim/claim-deliveries.sql";
import { Bell } from "@omnistore/runtime/bell";

/** Longest time without a look at the queue, in case an announcement was lost. */
const POLL_MS = 1_000;
/** How often parked deliveries are looked for, and gates of saturated tenants looked at again. */
export const SATURATED_MS = 250;
/** While slots and places free up one by one, what they are for gathers this long. */
export const GATHER_MS = 5;

const NEVER = Number.POSITIVE_INFINITY;

/**
 * When to look at what: the queue, what is delayed, gates, what is parked. Times are monotonic
 * milliseconds, given where a decision is tested by them.
 */
export class Agenda {
  readonly #bell = new Bell();
  /** There may be ready deliveries in the queue. */
  mayBeBehind = true;
  #nextDue = NEVER;
  #nextGate = NEVER;
  #nextRelease = NEVER;
  /** Rings when a place that some tenant waited for is free. */
  #placeTimer: NodeJS.Timeout | undefined;

  /** Resolves after so many milliseconds, or when something rings before. */
  async rest(ms: number): Promise<void> {
    await this.#bell.wait(ms);
  }

  wake(): void {
    this.#bell.ring();
  }

  /** Something was stored, released or promoted elsewhere. */
  expectReady(): void {
    this.mayBeBehind = true;
    this.wake();
  }

  isDue(now: number): boolean {
    return now >= this.#nextDue;
  }

  isGateDue(now: number): boolean {
    return now >= this.#nextGate;
  }

  isReleaseDue(now: number): boolean {
    return now >= this.#nextRelease;
  }

  /** Whether something may be parked. */
  get isReleaseExpected(): boolean {
    return this.#nextRelease < NEVER;
  }

  /** Milliseconds until there is something to look at, as far as is known. */
  untilNext(now: number): number {
    const next = Math.min(this.#nextDue, this.#nextGate, this.#nextRelease);
    return Math.min(POLL_MS, Math.max(0, next - now));
  }

  /** What a claim told of the rest of the queue. `isSaturated`: some tenants were passed over. */
  learn(claim: Pick<Claim, "nextDueInMs" | "nextGateInMs" | "hasParked">, isSaturated: boolean) {
    const now = performance.now();
    this.#nextDue = now + (claim.nextDueInMs ?? NEVER);
    this.#nextGate = now + (claim.nextGateInMs ?? NEVER);
    // By then a tenant may be saturated no more, and its gates are to be looked at.
    if (isSaturated) this.#nextGate = Math.min(this.#nextGate, now + SATURATED_MS);
    // Never later than it was: claims are more frequent than that.
    if (claim.hasParked) this.expectRelease(now);
    else this.#nextRelease = NEVER;
  }

  /** What is parked was made ready just now. */
  released(now: number): void {
    this.#nextRelease = now + SATURATED_MS;
    this.mayBeBehind = true;
  }

  /** Something is parked. */
  expectRelease(now: number): void {
    this.#nextRelease = Math.min(this.#nextRelease, now + SATURATED_MS);
  }

  expectGate(): void {
    this.#nextGate = performance.now();
    this.wake();
  }

  /** Our own retries are due when we said so; no need to look. */
  expectDue(delayMs: number): void {
    const due = performance.now() + delayMs;
    if (due >= this.#nextDue) return;
    this.#nextDue = due;
    this.wake();
  }

  /** Something that waited for a place or for memory has it: what gets free together is filled together. */
  expectPlace(): void {
    this.#placeTimer ??= setTimeout(() => {
      this.#placeTimer = undefined;
      this.#nextRelease = this.#nextGate = performance.now();
      this.wake();
    }, GATHER_MS);
  }

  close(): void {
    clearTimeout(this.#placeTimer);
  }
}
