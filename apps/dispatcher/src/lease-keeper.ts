import { randomBytes } from "node:crypto";

import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import type { DispatcherPlace } from "@omnistore/domain/tenant/parallelism";
import type { EngineCore } from "@omnistore/engine/core";
import {
  beat,
  registerDispatcher,
  unregisterDispatcher,
} from "@omnistore/engine/lease/heartbeat.sql";
import { releaseForgotten } from "@omnistore/engine/rescue/release-forgotten.sql";
import { rescueExpired } from "@omnistore/engine/rescue/rescue-expired.sql";
import type { Logger } from "@omnistore/runtime/logger";

export interface LeaseKeeperParts {
  readonly core: EngineCore;
  readonly leaseMs: number;
  readonly logger: Logger;
  /** Message ids of what this process holds in memory under a lease. */
  readonly heldBy: (owner: string) => ReadonlySet<string>;
  /** Called when deliveries were given back, to this dispatcher among others. */
  readonly onRescued: () => void;
}

/**
 * Keeps this dispatcher's lease by a heartbeat and takes over from those whose heart stopped. One
 * row for each dispatcher, not one for each delivery.
 */
export class LeaseKeeper {
  readonly #parts: LeaseKeeperParts;
  #owner: string | null = null;
  #place: DispatcherPlace = { rank: 0, count: 1 };
  /** Monotonic time after which others may have taken our deliveries. */
  #validUntil = 0;
  /** Monotonic times: of the last heartbeat, and from when on the silence of others says that they are dead. */
  #lastBeat = 0;
  #rescueFrom = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The heartbeat under way: one at a time, or two that find the lease lost would each take a new one. */
  #beating: Promise<void> | undefined;

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
  }

  /** The id that new leases are taken under; null while the lease is not certain. */
  get owner(): string | null {
    return performance.now() < this.#validUntil ? this.#owner : null;
  }

  /** Which of the living dispatchers this one is, as the last heartbeat saw it. */
  get place(): DispatcherPlace {
    return this.#place;
  }

  async start(): Promise<void> {
    await this.#register();
    this.#timer = setInterval(() => {
      this.#beating ??= this.#beat()
        .catch((error: unknown) => {
          this.#parts.logger.warn({ err: error }, "the heartbeat failed");
        })
        .finally(() => {
          this.#beating = undefined;
        });
    }, this.#parts.leaseMs / 4);
  }

  /** Ends the lease. What is still leased under it goes to the others. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    const owner = this.#owner;
    this.#owner = null;
    if (owner !== null) await unregisterDispatcher(this.#parts.core.pool, owner);
  }

  /** A new id each time: what was leased under an id that expired stays fenced off for good. */
  async #register(): Promise<void> {
    const { core, leaseMs } = this.#parts;
    const asked = performance.now();
    const unixMs = Math.floor(core.clock.nowMs());
    const owner = makeUuidV7({ unixMs, random: randomBytes(10) });
    this.#place = await registerDispatcher(core.pool, owner);
    this.#owner = owner;
    this.#lastBeat = asked;
    this.#validUntil = asked + leaseMs;
  }

  async #beat(): Promise<void> {
    const { core, leaseMs, logger, heldBy, onRescued } = this.#parts;
    const owner = this.#owner;
    if (owner === null) return;
    const asked = performance.now();
    const place = await beat(core.pool, owner);
    // The database was away, so no heart could beat: the others get time for one before they are taken for dead.
    const now = performance.now();
    if (now - this.#lastBeat > leaseMs / 2) this.#rescueFrom = now + leaseMs / 2;
    this.#lastBeat = asked;
    if (place !== null) {
      this.#place = place;
      this.#validUntil = asked + leaseMs;
    } else {
      logger.warn({ owner }, "the lease ran out; its deliveries belong to others now");
      await this.#register();
    }
    const isRescuing = performance.now() >= this.#rescueFrom;
    const rescued =
      (isRescuing ? await rescueExpired(core.pool, leaseMs) : 0) +
      (await releaseForgotten(core.pool, owner, heldBy(owner), leaseMs));
    if (rescued === 0) return;
    logger.info({ rescued }, "gave deliveries of lost leases back to the queue");
    onRescued();
  }
}
