import { SLOTS } from "@omnistore/domain/claim/slots";
import { dueAtOnce } from "@omnistore/domain/message/due-at-once";
import type { Message, PendingMessage } from "@omnistore/domain/message/message";
import { shareOfParallelism, type DispatcherPlace } from "@omnistore/domain/tenant/parallelism";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import { forgetStart } from "@omnistore/engine/gate/forget-start";
import { loadInPieces } from "@omnistore/engine/load-messages.sql";
import type { OutcomeRecorder } from "@omnistore/engine/record/outcome-recorder";
import { handBack } from "@omnistore/engine/rescue/hand-back.sql";
import type { DirectLane, Reservation } from "@omnistore/engine/store/direct-lane";
import type { Logger } from "@omnistore/runtime/logger";

import { Agenda, GATHER_MS } from "./agenda.ts";
import { waitForRoom } from "./answer-room.ts";
import { makeAttempt, type AttemptParts } from "./attempt.ts";
import { AttemptsUnderWay, isLarge } from "./attempts-under-way.ts";
import { QueueReader } from "./queue-reader.ts";
import { WaitingLine } from "./waiting-line.ts";

export interface PipelineParts extends Omit<AttemptParts, "onLate" | "askRoom"> {
  readonly recorder: OutcomeRecorder;
  readonly logger: Logger;
  /** Which of the living dispatchers this one is. */
  readonly place: () => DispatcherPlace;
}

/** Deliveries of one claim: few enough to be fair, enough to be cheap. */
const CLAIM_BATCH = 64;
/** Attempts that begin in one turn of the event loop, about a millisecond of it. */
const BEGUN_AT_ONCE = 16;
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
  readonly #agenda = new Agenda();
  readonly #reader: QueueReader;
  readonly #waiting = new WaitingLine();
  /** Slots kept free for what is being leased. */
  #reserved = 0;
  /** The rest of what waits begins in the next turn of the event loop. */
  #beginsMore = false;
  #running: Promise<void> | undefined;
  #stopping = false;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    const { plans } = parts.core;
    this.#underWay = new AttemptsUnderWay((tenantId) =>
      shareOfParallelism(plans.last(tenantId)?.limits.globalParallelism ?? null, parts.place()),
    );
    this.#reader = new QueueReader({
      core: parts.core,
      underWay: this.#underWay,
      agenda: this.#agenda,
    });
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
    this.#agenda.expectReady();
  }

  /** Takes nothing new, hands back what waits, waits a little for what is under way, and hands back the rest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await handBack(this.#parts.core.pool, [...this.#waiting]);
    this.#agenda.wake();
    await this.#running;
    const deadline = performance.now() + STOP_GRACE_MS;
    while (this.#underWay.size > 0 && performance.now() < deadline) {
      await this.#agenda.rest(deadline - performance.now());
    }
    this.#agenda.close();
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
      if (this.#underWay.hold(message.tenantId, 1) === 1) reserved.add(message);
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
    if (this.#waiting.size > 0) this.#agenda.wake();
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
        await this.#agenda.rest(await this.#turn());
      } catch (error) {
        this.#parts.logger.error({ err: error }, "claiming failed; trying again");
        this.#agenda.mayBeBehind = true;
        await this.#agenda.rest(RETRY_MS);
      }
    }
  }

  /** One look at the queue. Returns how long to rest, in milliseconds, unless the bell rings. */
  async #turn(): Promise<number> {
    const owner = this.#parts.owner();
    if (owner === null) return RETRY_MS;
    this.#beginWaiting();
    if (this.#agenda.isDue(performance.now())) await this.#reader.promote();
    const limit = Math.min(CLAIM_BATCH, this.#freeSlots());
    if (limit <= 0) return GATHER_MS;
    const saturated = this.#reader.saturated(performance.now());
    if (this.#agenda.isReleaseDue(performance.now())) await this.#reader.release(saturated);
    if (this.#agenda.isGateDue(performance.now())) {
      await this.#beginAll(limit, () => this.#reader.passGates(owner, limit, saturated));
    }
    const room = this.#waiting.isOwed ? 0 : Math.min(CLAIM_BATCH, this.#freeSlots());
    if (room > 0) await this.#beginAll(room, () => this.#reader.claim(owner, room, saturated));
    if (this.#beginsMore) return GATHER_MS;
    if (this.#agenda.mayBeBehind) return this.#freeSlots() >= CLAIM_BATCH ? 0 : GATHER_MS;
    if (this.#waiting.size > 0) return GATHER_MS;
    return this.#agenda.untilNext(performance.now());
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
      const put = { aside: [] as LeasedDelivery[], back: [] as LeasedDelivery[] };
      for await (const messages of loadInPieces(pool, vault, leased)) {
        const now = performance.now();
        for (const message of messages) {
          const delivery = toBegin.get(message.id);
          if (delivery === undefined) continue;
          toBegin.delete(message.id);
          const where = this.#whereTo(delivery, message, now);
          if (where !== "attempt") put[where].push(delivery);
          else {
            held.delete(delivery);
            this.#begin(delivery, message);
          }
        }
      }
      for (const delivery of toBegin.values())
        this.#parts.logger.error({ delivery }, "a delivery has no message");
      const { aside, back } = put;
      this.#waiting.owe(leased.length - aside.length - back.length);
      if (aside.length > 0) await this.#reader.park(aside);
      if (back.length > 0) await this.#sendBack(back);
    } finally {
      this.#reserved -= places;
      for (const { tenantId } of held) this.#underWay.drop(tenantId, 1);
      this.#beginWaiting();
    }
  }

  /** What has passed its gate cannot be put aside: it goes back behind the gate. */
  #whereTo(
    { isGated }: LeasedDelivery,
    message: PendingMessage,
    now: number,
  ): "attempt" | "aside" | "back" {
    const hasMemory = this.#underWay.hasMemoryFor(message, now);
    if (!hasMemory) this.#reader.crowd(message.tenantId, now);
    if (isGated) return hasMemory ? "attempt" : "back";
    return hasMemory && !this.#underWay.isHostSaturated(message, now) ? "attempt" : "aside";
  }

  async #sendBack(leased: readonly LeasedDelivery[]): Promise<void> {
    await handBack(this.#parts.core.pool, leased);
    for (const delivery of leased) void this.#forgetStart(delivery);
  }

  /** Gives free slots to what waits here, as far as it is its turn. */
  #beginWaiting(): void {
    if (this.#beginsMore) return;
    const now = performance.now();
    const aside: LeasedDelivery[] = [];
    for (let begun = 0; this.#freeSlots() > 0 && this.#mayBeginWaiting(); begun += 1) {
      if (begun === BEGUN_AT_ONCE) {
        this.#beginLater();
        break;
      }
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
    this.#reader.park(aside).catch((error: unknown) => {
      // They are found forgotten, and go back to the queue.
      this.#parts.logger.error({ err: error }, "deliveries could not be put aside");
    });
  }

  /** The rest of a burst, when whoever asked for something meanwhile has had his turn. */
  #beginLater(): void {
    this.#beginsMore = true;
    setImmediate(() => {
      this.#beginsMore = false;
      this.#beginWaiting();
      if (!this.#beginsMore && this.#agenda.mayBeBehind) this.#agenda.wake();
    });
  }

  /** What is being claimed has its slots already. */
  #mayBeginWaiting(): boolean {
    if (this.#stopping) return false;
    return !this.#agenda.mayBeBehind || this.#reserved > 0 || this.#waiting.isOwed;
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
        if (leased.isGated) this.#agenda.expectGate();
        return;
      }
      const counted = await this.#parts.recorder.record(outcome);
      if (!counted)
        this.#parts.logger.info(
          { leased },
          "an outcome came after its lease had ended or its message was cancelled",
        );
      if (outcome.retryDelayMs !== null) this.#agenda.expectDue(outcome.retryDelayMs);
      // The end of this attempt may let the next one through.
      if (leased.isGated) this.#agenda.expectGate();
    } catch (error) {
      // The lease is left as it is: it is found forgotten, and the delivery goes back to the queue.
      this.#parts.logger.error({ err: error, leased }, "an attempt could not be made");
    } finally {
      this.#underWay.end(leased);
      if (isLarge(message)) this.#reader.memoryFreed();
      if (this.#underWay.capped.has(leased.tenantId)) this.#agenda.expectPlace();
      this.#beginWaiting();
      const gathered = this.#agenda.mayBeBehind && this.#freeSlots() >= CLAIM_BATCH;
      if (gathered || this.#stopping) this.#agenda.wake();
    }
  }

  /** A place that is not given back is lost with its period, and nothing else is. */
  async #forgetStart({ tenantId, counted }: LeasedDelivery): Promise<void> {
    if (counted === undefined) return;
    try {
      if (await forgetStart(this.#parts.core.pool, tenantId, counted)) this.#agenda.expectGate();
    } catch (error) {
      this.#parts.logger.warn({ err: error, counted }, "a late start keeps its place");
    }
  }
}
