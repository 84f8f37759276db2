import { isSaturated, SLOW_AFTER_MS } from "@omnistore/domain/claim/slots";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";

/** The attempts of a dispatcher, told apart by how long they have been under way. Times are monotonic milliseconds. */
export class AttemptsUnderWay {
  /** When each began, oldest first. */
  readonly #young = new Map<LeasedDelivery, number>();
  readonly #slow = new Set<LeasedDelivery>();
  readonly #slowOf = new Map<string, number>();

  /** All of them. */
  *[Symbol.iterator](): Iterator<LeasedDelivery> {
    yield* this.#slow;
    yield* this.#young.keys();
  }

  get size(): number {
    return this.#young.size + this.#slow.size;
  }

  /** Those that hold a slot. */
  countYoung(now: number): number {
    this.#age(now);
    return this.#young.size;
  }

  begin(leased: LeasedDelivery, now: number): void {
    this.#young.set(leased, now);
  }

  end(leased: LeasedDelivery): void {
    if (!this.#slow.delete(leased)) {
      this.#young.delete(leased);
      return;
    }
    const left = (this.#slowOf.get(leased.tenantId) ?? 0) - 1;
    if (left > 0) this.#slowOf.set(leased.tenantId, left);
    else this.#slowOf.delete(leased.tenantId);
  }

  isSaturated(tenantId: string): boolean {
    return isSaturated(this.#slowOf.get(tenantId) ?? 0, this.#slow.size);
  }

  /** Tenants of which nothing more may start here. */
  saturated(now: number): readonly string[] {
    this.#age(now);
    return [...this.#slowOf.keys()].filter((tenantId) => this.isSaturated(tenantId));
  }

  #age(now: number): void {
    for (const [leased, began] of this.#young) {
      if (now - began < SLOW_AFTER_MS) return;
      this.#young.delete(leased);
      this.#slow.add(leased);
      this.#slowOf.set(leased.tenantId, (this.#slowOf.get(leased.tenantId) ?? 0) + 1);
    }
  }
}
