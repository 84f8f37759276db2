import { floorAt, NO_FLOOR, raiseFloor } from "@omnistore/domain/claim/claim-floor";
import { SLOTS } from "@omnistore/domain/claim/slots";
import { dueAtOnce } from "@omnistore/domain/message/due-at-once";
import type { Message, PendingMessage } from "@omnistore/domain/message/message";
import { shareOfParallelism, type DispatcherPlace } from "@omnistore/domain/tenant/parallelism";
import { claimDeliveries } from "@omnistore/engine/claim/claim-deliveries.sql";
import { promoteDue } from "@omnistore/engine/claim/promote-due.sql";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import { forgetStart } from "@omnistore/engine/gate/forget-start";
import { openGates } from "@omnistore/engine/gate/open-gates";
import type { TenantRooms } from "@omnistore/engine/gate/tenant-rooms";
import { loadInPieces } from "@omnistore/engine/load-messages.sql";
import { parkDeliveries } from "@omnistore/engine/park/park-deliveries.sql";
import { releaseParked } from "@omnistore/engine/park/release-parked.sql";
import type { OutcomeRecorder } from "@omnistore/engine/record/outcome-recorder";
import { handBack } from "@omnistore/engine/rescue/hand-back.sql";
import type { DirectLane, Reservation } from "@omnistore/engine/store/direct-lane";
import { Bell } from "@omnistore/runtime/bell";
import type { Logger } from "@omnistore/runtime/logger";

import { waitForRoom } from "./answer-room.ts";
import { makeAttempt, type AttemptParts } from "./attempt.ts";
import { AttemptsUnderWay, isLarge } from "./attempts-under-way.ts";
import { WaitingLine } from "./waiting-line.ts";

export interface PipelineParts extends Omit<AttemptParts, "onLate" | "askRoom"> {
  readonly recorder: OutcomeRecorder;
  readonly logger: Logger;
  /** Which of the living dispatchers this one is. */
  readonly place: () => DispatcherPlace;
}

/** Deliveries of one claim: few enough to be fair, enough to be cheap. */
const CLAIM_BATCH = 64;
const PROMOTE_BATCH = 500;
/** Parked deliveries of one tenant that are made ready at a time. */
const RELEASE_BATCH = 256;
/** And of one that has a slow host: most of them go there, and are put aside again. */
const RELEASE_FEW = 16;
/** How often parked deliveries are looked for, and gates of saturated tenants looked at again. */
const SATURATED_MS = 250;
/** Longest time without a look at the queue, in case an announcement was lost. */
const POLL_MS = 1_000;
/** While slots free up one by one, claims gather this long. */
const GATHER_MS = 5;
const RETRY_MS = 500;
/** How long running attempts may take to end when the dispatcher stops; the rest is handed back. */
const STOP_GRACE_MS = 5_000;

/**
 * The sentence of the product: claim → deliver → record, with as many attempts under way as there
 * are slots. A slot is held until its outcome is durable, so nothing here grows without bound.
 */
export class Pipeline implements DirectLane {
  readonly #parts: PipelineParts;
  readonly #attemptParts: AttemptParts;
  readonly #underWay: AttemptsUnderWay;
  readonly #rooms: TenantRooms;
  readonly #waiting = new WaitingLine();
  readonly #bell = new Bell();
  /** Slots kept free for what is being leased. */
  #reserved = 0;
  /** There may be ready deliveries in the queue; while there are, they and what waits here take turns. */
  #mayBeBehind = true;
  /** Monotonic time at which a delayed delivery is due, and one at which a gate may open. */
  #nextDue = Number.POSITIVE_INFINITY;
  #nextGate = Number.POSITIVE_INFINITY;
  /** The same for what is parked. */
  #nextRelease = Number.POSITIVE_INFINITY;
  /** Tenants whose large message found no room, until when nothing of them is taken. */
  readonly #crowded = new Map<string, number>();
  /** Rings when a place that some tenant waited for is free. */
  #placeTimer: NodeJS.Timeout | undefined;
  #floor = NO_FLOOR;
  #promotedPlaces: ReadonlyMap<string, number> = new Map();
  #running: Promise<void> | undefined;
  #stopping = false;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    const { plans } = parts.core;
    this.#underWay = new AttemptsUnderWay((tenantId) =>
      shareOfParallelism(plans.last(tenantId)?.limits.globalParallelism ?? null, parts.place()),
    );
    this.#rooms = {
      prepare: (tenantIds) => plans.of(tenantIds),
      ofQueue: (tenantId) => plans.last(tenantId)?.limits.parallelismPerQueue ?? Infinity,
      hold: (tenantId, wanted) => this.#underWay.hold(tenantId, wanted),
      drop: (tenantId, places) => this.#underWay.drop(tenantId, places),
    };
    this.#attemptParts = {
      ...parts,
      onLate: (leased) => void this.#forgetStart(leased),
      askRoom: (leased, bytes) => waitForRoom(this.#underWay, leased, bytes),
    };
  }

  /** Message ids of the attempts under way under that lease; there may be late ones under an older lease. */
  heldBy(owner: string): ReadonlySet<string> {
    const held = [...this.#underWay, ...this.#waiting].filter((leased) => leased.owner === owner);
    return new Set(held.map(({ messageId }) => messageId));
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something was stored, released or promoted elsewhere: look at the queue. */
  poke(): void {
    this.#mayBeBehind = true;
    this.#bell.ring();
  }

  /** Takes nothing new, hands back what waits, waits a little for what is under way, and hands back the rest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#placeTimer);
    await handBack(this.#parts.core.pool, [...this.#waiting]);
    this.#bell.ring();
    await this.#running;
    const deadline = performance.now() + STOP_GRACE_MS;
    while (this.#underWay.size > 0 && performance.now() < deadline) {
      await this.#bell.wait(deadline - performance.now());
    }
    await handBack(this.#parts.core.pool, [...this.#underWay, ...this.#waiting]);
  }

  reserve(messages: readonly Message[]): Reservation | null {
    const owner = this.#parts.owner();
    if (owner === null || this.#stopping) return null;
    const places = this.#waiting.reserve(messages.length);
    const now = performance.now();
    const reserved = new Set<Message>();
    for (const message of messages) {
      if (reserved.size === places) break;
      // A plan that has to be asked for is asked for at the claim.
      if (this.#parts.core.plans.recent(message.tenantId) === undefined) continue;
      if (!this.#waiting.takes(message.body.length) || !this.#underWay.takes(message, now))
        continue;
      if (this.#hold(message.tenantId)) reserved.add(message);
    }
    this.#waiting.release(places - reserved.size);
    return reserved.size > 0 ? { owner, messages: reserved } : null;
  }

  accept(reservation: Reservation, stored: readonly Message[]): void {
    const begun = new Set(stored);
    this.#waiting.release(reservation.messages.size);
    for (const message of reservation.messages) {
      const { tenantId, id: messageId } = message;
      const { owner } = reservation;
      const leased = { tenantId, messageId, owner, retried: 0, isGated: false };
      if (begun.has(message)) this.#waiting.push({ leased, message: dueAtOnce(message) });
      else this.#underWay.drop(tenantId, 1);
    }
    this.#beginWaiting();
    // Slots are freed by attempts that become slow, too, and nothing tells of that.
    if (this.#waiting.size > 0) this.#bell.ring();
  }

  release(reservation: Reservation): void {
    this.accept(reservation, []);
  }

  #freeSlots(): number {
    return SLOTS - this.#underWay.countYoung(performance.now()) - this.#reserved;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#bell.wait(await this.#turn());
      } catch (error) {
        this.#parts.logger.error({ err: error }, "claiming failed; trying again");
        this.#mayBeBehind = true;
        await this.#bell.wait(RETRY_MS);
      }
    }
  }

  /** One look at the queue. Returns how long to rest, in milliseconds, unless the bell rings. */
  async #turn(): Promise<number> {
    const owner = this.#parts.owner();
    if (owner === null) return RETRY_MS;
    this.#beginWaiting();
    if (performance.now() >= this.#nextDue) {
      const { pool } = this.#parts.core;
      this.#promotedPlaces = (await promoteDue(pool, PROMOTE_BATCH, this.#promotedPlaces)).places;
      this.#mayBeBehind = true;
    }
    const limit = Math.min(CLAIM_BATCH, this.#freeSlots());
    if (limit <= 0) return GATHER_MS;
    const saturated = this.#saturated(performance.now());
    if (performance.now() >= this.#nextRelease) {
      const fewer = this.#releaseFewer();
      await releaseParked(this.#parts.core.pool, { saturated, limit: RELEASE_BATCH, fewer });
      this.#nextRelease = performance.now() + SATURATED_MS;
      this.#mayBeBehind = true;
    }
    if (performance.now() >= this.#nextGate) {
      await this.#beginAll(limit, () =>
        openGates(this.#parts.core.pool, owner, limit, saturated, this.#rooms),
      );
    }
    const room = this.#waiting.isOwed ? 0 : Math.min(CLAIM_BATCH, this.#freeSlots());
    if (room > 0) await this.#beginAll(room, () => this.#claim(owner, room, saturated));
    if (this.#mayBeBehind) return this.#freeSlots() >= CLAIM_BATCH ? 0 : GATHER_MS;
    if (this.#waiting.size > 0) return GATHER_MS;
    const next = Math.min(this.#nextDue, this.#nextGate, this.#nextRelease);
    return Math.min(POLL_MS, Math.max(0, next - performance.now()));
  }

  /** Tenants of which nothing is taken now. */
  #saturated(now: number): readonly string[] {
    const saturated = this.#underWay.saturated(now);
    if (this.#crowded.size === 0) return saturated;
    for (const [tenantId, until] of this.#crowded)
      if (until <= now) this.#crowded.delete(tenantId);
    return [...new Set([...saturated, ...this.#crowded.keys()])];
  }

  async #claim(
    owner: string,
    limit: number,
    saturated: readonly string[],
  ): Promise<readonly LeasedDelivery[]> {
    this.#mayBeBehind = false;
    const { pool } = this.#parts.core;
    const floor = floorAt(this.#floor, performance.now());
    const fromVirtualTime = floor.virtualTime;
    const claim = await claimDeliveries(pool, owner, limit, { saturated, fromVirtualTime });
    this.#floor = raiseFloor(floor, claim);
    const { leased, nextDueInMs, nextGateInMs } = claim;
    const now = performance.now();
    this.#nextDue = now + (nextDueInMs ?? Number.POSITIVE_INFINITY);
    this.#nextGate = now + (nextGateInMs ?? Number.POSITIVE_INFINITY);
    // By then a tenant may be saturated no more, and its gates are to be looked at.
    if (saturated.length > 0) this.#nextGate = Math.min(this.#nextGate, now + SATURATED_MS);
    // Never later than it was: claims are more frequent than that.
    this.#nextRelease = claim.hasParked
      ? Math.min(this.#nextRelease, now + SATURATED_MS)
      : Number.POSITIVE_INFINITY;
    if (!claim.hasParked && claim.nextGateInMs === null) this.#underWay.forgetCapped();
    if (leased.length === limit) this.#mayBeBehind = true;
    if (leased.length === 0) return leased;
    await this.#parts.core.plans.of(leased.map(({ tenantId }) => tenantId));
    const taken: LeasedDelivery[] = [];
    const parked: LeasedDelivery[] = [];
    for (const delivery of leased) {
      const { tenantId, isGated } = delivery;
      const waits = (!isGated && saturated.includes(tenantId)) || !this.#hold(tenantId);
      (waits ? parked : taken).push(delivery);
    }
    try {
      if (parked.length > 0) await this.#park(parked);
      return taken;
    } catch (error) {
      for (const { tenantId } of taken) this.#underWay.drop(tenantId, 1);
      throw error;
    }
  }

  #hold(tenantId: string): boolean {
    return this.#underWay.hold(tenantId, 1) === 1;
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

  async #park(leased: readonly LeasedDelivery[]): Promise<void> {
    await parkDeliveries(this.#parts.core.pool, leased);
    this.#nextRelease = Math.min(this.#nextRelease, performance.now() + SATURATED_MS);
  }

  /** Keeps slots free while deliveries are leased and their messages loaded, then starts them. */
  async #beginAll(places: number, lease: () => Promise<readonly LeasedDelivery[]>): Promise<void> {
    this.#reserved += places;
    const held = new Set<LeasedDelivery>();
    try {
      const leased = await lease();
      for (const delivery of leased) held.add(delivery);
      const { pool, vault } = this.#parts.core;
      const toBegin = new Map(leased.map((delivery) => [delivery.messageId, delivery]));
      const aside: LeasedDelivery[] = [];
      const back: LeasedDelivery[] = [];
      for await (const messages of loadInPieces(pool, vault, leased)) {
        const now = performance.now();
        for (const message of messages) {
          const delivery = toBegin.get(message.id);
          if (delivery === undefined) continue;
          toBegin.delete(message.id);
          const hasMemory = this.#underWay.hasMemoryFor(message, now);
          if (!hasMemory) this.#crowded.set(message.tenantId, now + SATURATED_MS);
          if (delivery.isGated && !hasMemory) back.push(delivery);
          else if (!delivery.isGated && (!hasMemory || this.#underWay.isHostSaturated(message, now)))
            aside.push(delivery);
          else {
            held.delete(delivery);
            this.#begin(delivery, message);
          }
        }
      }
      for (const delivery of toBegin.values())
        this.#parts.logger.error({ delivery }, "a delivery has no message");
      this.#waiting.owe(leased.length - aside.length - back.length);
      if (aside.length > 0) await this.#park(aside);
      // What has passed its gate goes back behind it, and passes again.
      if (back.length > 0) await this.#sendBack(back);
    } finally {
      this.#reserved -= places;
      for (const { tenantId } of held) this.#underWay.drop(tenantId, 1);
      this.#beginWaiting();
    }
  }

  async #sendBack(leased: readonly LeasedDelivery[]): Promise<void> {
    await handBack(this.#parts.core.pool, leased);
    for (const delivery of leased) void this.#forgetStart(delivery);
  }

  /** Whether something may have been put aside because large messages held too much. */
  #isMemoryAwaited(): boolean {
    return this.#crowded.size > 0 || this.#nextRelease < Number.POSITIVE_INFINITY;
  }

  /** Gives free slots to what waits here, as far as it is its turn. */
  #beginWaiting(): void {
    const now = performance.now();
    const aside: LeasedDelivery[] = [];
    while (this.#freeSlots() > 0 && this.#mayBeginWaiting()) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      // It was looked at when it was stored; its receiver may have become slow since.
      if (this.#underWay.takes(next.message, now)) this.#begin(next.leased, next.message);
      else {
        this.#underWay.drop(next.leased.tenantId, 1);
        aside.push(next.leased);
      }
    }
    if (aside.length === 0) return;
    this.#park(aside).catch((error: unknown) => {
      // They are found forgotten, and go back to the queue.
      this.#parts.logger.error({ err: error }, "deliveries could not be put aside");
    });
  }

  /** What is being claimed has its slots already. */
  #mayBeginWaiting(): boolean {
    if (this.#stopping) return false;
    return !this.#mayBeBehind || this.#reserved > 0 || this.#waiting.isOwed;
  }

  #begin(leased: LeasedDelivery, message: PendingMessage): void {
    this.#underWay.begin(leased, message, performance.now());
    void this.#attempt(leased, message);
  }

  async #attempt(leased: LeasedDelivery, message: PendingMessage): Promise<void> {
    try {
      const outcome = await makeAttempt(this.#attemptParts, leased, message);
      if (outcome === null) {
        await handBack(this.#parts.core.pool, [leased]);
        if (leased.isGated) this.#expectGate();
        return;
      }
      const counted = await this.#parts.recorder.record(outcome);
      if (!counted)
        this.#parts.logger.warn({ leased }, "an outcome came after its lease had ended");
      if (outcome.retryDelayMs !== null) this.#expectDue(outcome.retryDelayMs);
      // The end of this attempt may let the next one through.
      if (leased.isGated) this.#expectGate();
    } catch (error) {
      // The lease is left as it is: it is found forgotten, and the delivery goes back to the queue.
      this.#parts.logger.error({ err: error, leased }, "an attempt could not be made");
    } finally {
      this.#underWay.end(leased);
      const isAwaited = isLarge(message) && this.#isMemoryAwaited();
      if (isAwaited || this.#underWay.capped.has(leased.tenantId)) this.#expectPlace();
      this.#beginWaiting();
      const gathered = this.#mayBeBehind && this.#freeSlots() >= CLAIM_BATCH;
      if (gathered || this.#stopping) this.#bell.ring();
    }
  }

  /** A place that is not given back is lost with its period, and nothing else is. */
  async #forgetStart({ tenantId, counted }: LeasedDelivery): Promise<void> {
    if (counted === undefined) return;
    try {
      if (await forgetStart(this.#parts.core.pool, tenantId, counted)) this.#expectGate();
    } catch (error) {
      this.#parts.logger.warn({ err: error, counted }, "a late start keeps its place");
    }
  }

  /** A tenant that waited for a place has one: places that get free together are filled together. */
  #expectPlace(): void {
    if (this.#placeTimer !== undefined || this.#stopping) return;
    this.#placeTimer = setTimeout(() => {
      this.#placeTimer = undefined;
      this.#crowded.clear();
      this.#nextRelease = this.#nextGate = performance.now();
      this.#bell.ring();
    }, GATHER_MS);
  }

  #expectGate(): void {
    this.#nextGate = performance.now();
    this.#bell.ring();
  }

  /** Our own retries are due when we said so; no need to look. */
  #expectDue(delayMs: number): void {
    const due = performance.now() + delayMs;
    if (due >= this.#nextDue) return;
    this.#nextDue = due;
    this.#bell.ring();
  }
}
