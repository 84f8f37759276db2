import type { EngineCore } from "@omnistore/engine/core";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";

export interface StartParts {
  readonly core: Pick<EngineCore, "clock">;
  /** Id to lease under, null while the lease is uncertain. */
  readonly owner: () => string | null;
  /** Told once of a start that became too late, while its connection may still be in the making. */
  readonly onLate: (leased: LeasedDelivery) => void;
}

/** Timers may fire a little early by the clock that they are held against. */
const TIMER_SLACK_MS = 2;

/**
 * The moment at which an attempt goes out. One that a rate counted is given up at the end of its
 * time, not when its connection is there at last: its place serves another one of the same period.
 */
export class Start {
  readonly #parts: StartParts;
  readonly #leased: LeasedDelivery;
  #timer: NodeJS.Timeout | undefined;
  #isLate = false;

  constructor(parts: StartParts, leased: LeasedDelivery) {
    this.#parts = parts;
    this.#leased = leased;
    if (leased.counted === undefined) return;
    const leftMs = leased.counted.startByMs - parts.core.clock.nowMs();
    this.#timer = setTimeout(() => this.#giveUp(), Math.max(0, leftMs) + TIMER_SLACK_MS);
  }

  /** False when the time is over, or the dispatcher was paused: by now somebody else may make this attempt. */
  isInTime(): boolean {
    const { counted, owner } = this.#leased;
    const { core } = this.#parts;
    if (counted !== undefined && core.clock.nowMs() > counted.startByMs) this.#giveUp();
    return !this.#isLate && this.#parts.owner() === owner;
  }

  /** Asked when the request is about to go out; true: it does, and there is nothing to give up any more. */
  begin(): boolean {
    const mayStart = this.isInTime();
    if (mayStart) clearTimeout(this.#timer);
    return mayStart;
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #giveUp(): void {
    clearTimeout(this.#timer);
    if (this.#isLate) return;
    this.#isLate = true;
    this.#parts.onLate(this.#leased);
  }
}
