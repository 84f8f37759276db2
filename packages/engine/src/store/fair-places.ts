import { nextVirtualTime } from "@omnistore/domain/claim/fair-share";

/** Tenants whose last place is remembered; those who fell behind the clock are forgotten. */
const REMEMBERED_TENANTS = 10_000;

/** Gives messages their places in the fair order, as one writer sees it. */
export class FairPlaces {
  readonly #last = new Map<string, number>();

  /** The virtual time of a tenant's next delivery, microseconds. */
  next(tenantId: string, nowMicros: number): number {
    if (this.#last.size > REMEMBERED_TENANTS) this.#forgetThoseBehind(nowMicros);
    const virtualTime = nextVirtualTime(nowMicros, this.#last.get(tenantId));
    this.#last.set(tenantId, virtualTime);
    return virtualTime;
  }

  #forgetThoseBehind(nowMicros: number): void {
    for (const [tenantId, last] of this.#last) {
      if (last <= nowMicros) this.#last.delete(tenantId);
    }
  }
}
