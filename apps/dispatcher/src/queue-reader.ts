import { floorAt, NO_FLOOR, raiseFloor } from "@omnistore/domain/claim/claim-floor";
import { claimDeliveries } from "@omnistore/engine/claim/claim-deliveries.sql";
import { promoteDue } from "@omnistore/engine/claim/promote-due.sql";
import type { EngineCore } from "@omnistore/engine/core";
import { openGates } from "@omnistore/engine/gate/open-gates";
import type { TenantRooms } from "@omnistore/engine/gate/tenant-rooms";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import { parkDeliveries } from "@omnistore/engine/park/park-deliveries.sql";
import { releaseParked } from "@omnistore/engine/park/release-parked.sql";

import { SATURATED_MS, type Agenda } from "./agenda.ts";
import type { AttemptsUnderWay } from "./attempts-under-way.ts";

const PROMOTE_BATCH = 500;
/** Parked deliveries of one tenant that are made ready at a time. */
const RELEASE_BATCH = 256;
/** And of one that has a slow host: most of them go there, and are put aside again. */
const RELEASE_FEW = 16;

export interface QueueReaderParts {
  readonly core: Pick<EngineCore, "pool" | "plans">;
  readonly underWay: AttemptsUnderWay;
  readonly agenda: Agenda;
}

/**
 * The looks of one dispatcher at the queue: what is due is promoted, what is parked released, gates
 * passed and the rest claimed. What it returns is leased and holds a place of its tenant.
 */
export class QueueReader {
  readonly #core: QueueReaderParts["core"];
  readonly #underWay: AttemptsUnderWay;
  readonly #agenda: Agenda;
  readonly #rooms: TenantRooms;
  /** Tenants whose large message found no room, until when nothing of them is taken. */
  readonly #crowded = new Map<string, number>();
  #floor = NO_FLOOR;
  #promotedPlaces: ReadonlyMap<string, number> = new Map();

  constructor({ core, underWay, agenda }: QueueReaderParts) {
    const { plans } = core;
    this.#core = core;
    this.#underWay = underWay;
    this.#agenda = agenda;
    this.#rooms = {
      prepare: (tenantIds) => plans.of(tenantIds),
      ofQueue: (tenantId) => plans.last(tenantId)?.limits.parallelismPerQueue ?? Infinity,
      hold: (tenantId, wanted) => underWay.hold(tenantId, wanted),
      drop: (tenantId, places) => underWay.drop(tenantId, places),
    };
  }

  /** Makes what is due ready. */
  async promote(): Promise<void> {
    const { places } = await promoteDue(this.#core.pool, PROMOTE_BATCH, this.#promotedPlaces);
    this.#promotedPlaces = places;
    this.#agenda.mayBeBehind = true;
  }

  /** Makes what is parked ready, as far as there may be room for it. */
  async release(saturated: readonly string[]): Promise<void> {
    const fewer = this.#releaseFewer();
    await releaseParked(this.#core.pool, { saturated, limit: RELEASE_BATCH, fewer });
    this.#agenda.released(performance.now());
  }

  passGates(
    owner: string,
    limit: number,
    saturated: readonly string[],
  ): Promise<readonly LeasedDelivery[]> {
    return openGates(this.#core.pool, owner, limit, saturated, this.#rooms);
  }

  /** Leases what is ready; what is of a tenant that has no room is parked. */
  async claim(
    owner: string,
    limit: number,
    saturated: readonly string[],
  ): Promise<readonly LeasedDelivery[]> {
    this.#agenda.mayBeBehind = false;
    const floor = floorAt(this.#floor, performance.now());
    const fromVirtualTime = floor.virtualTime;
    const claim = await claimDeliveries(this.#core.pool, owner, limit, {
      saturated,
      fromVirtualTime,
    });
    this.#floor = raiseFloor(floor, claim);
    this.#agenda.learn(claim, saturated.length > 0);
    if (!claim.hasParked && claim.nextGateInMs === null) this.#underWay.forgetCapped();
    const { leased } = claim;
    if (leased.length === limit) this.#agenda.mayBeBehind = true;
    if (leased.length === 0) return leased;
    await this.#core.plans.of(leased.map(({ tenantId }) => tenantId));
    const taken: LeasedDelivery[] = [];
    const parked: LeasedDelivery[] = [];
    for (const delivery of leased) {
      const { tenantId, isGated } = delivery;
      const isHeldUp = !isGated && saturated.includes(tenantId);
      const waits = isHeldUp || this.#underWay.hold(tenantId, 1) === 0;
      (waits ? parked : taken).push(delivery);
    }
    try {
      if (parked.length > 0) await this.park(parked);
      return taken;
    } catch (error) {
      for (const { tenantId } of taken) this.#underWay.drop(tenantId, 1);
      throw error;
    }
  }

  /** Puts leased deliveries aside until their tenant may have room for them. */
  async park(leased: readonly LeasedDelivery[]): Promise<void> {
    await parkDeliveries(this.#core.pool, leased);
    this.#agenda.expectRelease(performance.now());
  }

  /** Tenants of which nothing is taken now. */
  saturated(now: number): readonly string[] {
    const saturated = this.#underWay.saturated(now);
    if (this.#crowded.size === 0) return saturated;
    for (const [tenantId, until] of this.#crowded) if (until <= now) this.#crowded.delete(tenantId);
    return [...new Set([...saturated, ...this.#crowded.keys()])];
  }

  /** A large message of a tenant found no memory: nothing of it is taken for a while. */
  crowd(tenantId: string, now: number): void {
    this.#crowded.set(tenantId, now + SATURATED_MS);
  }

  /** A large message has left memory: what was put aside may have room. */
  memoryFreed(): void {
    if (this.#crowded.size === 0 && !this.#agenda.isReleaseExpected) return;
    this.#crowded.clear();
    this.#agenda.expectPlace();
  }

  /** Parked deliveries of which no more are worth to be made ready than there is room for. */
  #releaseFewer(): ReadonlyMap<string, number> {
    const fewer = new Map<string, number>();
    for (const tenantId of this.#underWay.withSaturatedHost(performance.now()))
      fewer.set(tenantId, RELEASE_FEW);
    for (const tenantId of this.#underWay.capped) {
      const most = Math.min(fewer.get(tenantId) ?? RELEASE_BATCH, this.#underWay.room(tenantId));
      fewer.set(tenantId, Math.max(0, most));
    }
    return fewer;
  }
}
