import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";

import {
  afterFailure,
  afterLostLease,
  brokenPromises,
  callbacksOf,
  FLOWS,
  gone,
  isHeld,
  isPast,
  keepsRate,
  newLife,
  placeWhenDue,
  same,
  throughQueue,
  type Life,
} from "./life.ts";
import { Promises, type AttemptEnd } from "./promises.ts";
import { LEASE_MS, QueueUnderTest, RETRY_DELAY_MS, type QueueParts } from "./queue-under-test.ts";
import type { PickedOutcome, Step } from "./steps.ts";

const CLOCK_BACK_MS = -13_000;
/** Rounds in which one healthy dispatcher must bring everything to its end. */
const ROUNDS_TO_THE_END = 100;
const ROUND_MS = 61_000;

/** Says what is wrong with what became of a message in a step, or null. */
type Allowed = (before: Life, found: Life | undefined) => string | null;

interface Dispatcher {
  readonly id: string;
  lastBeatMs: number;
  /** What it holds in memory. */
  readonly held: Set<string>;
}

/** Carries steps out on the real statements and holds each against what was promised. Throws what was broken. */
export async function runLife(parts: QueueParts, steps: readonly Step[]): Promise<void> {
  const run = new Run(new QueueUnderTest(parts));
  await run.start();
  for (const [index, step] of steps.entries()) {
    try {
      await run.take(step);
    } catch (error) {
      throw new Error(`step ${index}, ${JSON.stringify(step)}: ${String(error)}`, { cause: error });
    }
  }
  await run.toTheEnd();
}

class Run {
  readonly #queue: QueueUnderTest;
  #lives: ReadonlyMap<string, Life> = new Map();
  readonly #promises = new Promises();
  /** In the order in which messages came to stand at their gate. */
  readonly #arrivalOrder: string[] = [];
  readonly #dispatchers: Dispatcher[] = [];
  /** Those that crashed: their rows are there until somebody rescues what they held. */
  readonly #crashed: Dispatcher[] = [];
  readonly #alive = new Set<string>();
  readonly #leases: LeasedDelivery[] = [];
  readonly #ratedStarts: number[] = [];
  #clockWentBack = false;

  constructor(queue: QueueUnderTest) {
    this.#queue = queue;
  }

  async start(): Promise<void> {
    await this.#queue.start();
    for (const slot of [0, 1]) await this.#replace(slot);
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "publish":
        return this.#publish(step);
      case "promote":
        await this.#queue.promote();
        return this.#after((before, found) => this.#promoted(before, found));
      case "claim":
        return this.#claim(step.by, step.count);
      case "open gates": {
        const { id } = this.#dispatcher(step.by);
        return this.#leased(step.by, await this.#queue.openGates(id, step.count), [
          "at queue",
          "at flow",
        ]);
      }
      case "open gates, crash": {
        // What passed before the crash is leased to somebody who does not know of it.
        const { id } = this.#dispatcher(step.by);
        await this.#queue.openGatesAndCrash(id, step.count, step.statement);
        await this.#after((before, found) => this.#passedUnknown(id, before, found));
        return this.#replace(step.by);
      }
      case "record":
        return this.#record(this.#endsOf(step.outcomes));
      case "record, cut off":
        return this.#recordCutOff(step);
      case "hand back":
        return this.#handBack(step.lease);
      case "forget": {
        const lease = this.#leases[step.lease % this.#leases.length];
        if (lease) for (const { held } of this.#dispatchers) held.delete(lease.messageId);
        return;
      }
      case "release forgotten":
        return this.#releaseForgotten(step.by);
      case "beat":
        return this.#beat(step.by);
      case "crash":
        await this.#replace(step.by);
        return this.#after(same);
      case "rescue":
        return this.#rescue();
      case "cancel": {
        const id = [...this.#lives.keys()][step.message % this.#lives.size];
        if (id === undefined) return;
        await this.#queue.cancel(id);
        return this.#after((before, found) =>
          before.id === id ? gone(found) : same(before, found),
        );
      }
      case "clock on":
        await this.#queue.setClock(step.ms);
        return this.#after(same);
      case "clock back":
        this.#clockWentBack = true;
        await this.#queue.setClock(CLOCK_BACK_MS);
        return this.#after(same);
    }
  }

  /** One healthy dispatcher, and time: everything must end, once. */
  async toTheEnd(): Promise<void> {
    await this.#replace(0);
    for (let round = 0; this.#lives.size > 0; round += 1) {
      if (round === ROUNDS_TO_THE_END) {
        throw new Error(`in the queue for ever: ${JSON.stringify([...this.#lives.values()])}`);
      }
      await this.#queue.setClock(ROUND_MS);
      if (!(await this.#queue.beat(this.#dispatcher(0).id))) await this.#replace(0);
      await this.#queue.rescue();
      await this.#queue.promote();
      const { id } = this.#dispatcher(0);
      const throughGates = await this.#queue.openGates(id, 100);
      const claimed = await this.#queue.claim(id, 100);
      await this.#look();
      await this.#record([...throughGates, ...claimed].map((lease) => this.#endOf(lease, true)));
    }
    this.#promises.check(await this.#queue.endings(), await this.#queue.charged());
  }

  async #publish({ what, maxRetries }: Extract<Step, { kind: "publish" }>): Promise<void> {
    const id = await this.#queue.publish(what, maxRetries);
    const isNew = !this.#promises.has(id);
    this.#promises.answered(what.deduplication, id, this.#queue.nowMs());
    if (!isNew) return this.#after(same);
    this.#promises.published(id, what, maxRetries);
    const { delayMs, queue, flow } = what;
    const life = { id, family: id, queue, queuePassed: false, flow };
    await this.#after(same, [newLife(life, delayMs, this.#queue.nowMs())]);
  }

  #promoted(before: Life, found: Life | undefined): string | null {
    if (before.place !== "delayed" || before.dueMs === null) return same(before, found);
    const isDue = isPast(before.dueMs, this.#queue.nowMs());
    if (isDue === false) return same(before, found);
    if (isDue === "unclear" && same(before, found) === null) return null;
    return same({ ...before, place: placeWhenDue(before), dueMs: null }, found);
  }

  async #claim(by: number, count: number): Promise<void> {
    const { id } = this.#dispatcher(by);
    const ready = [...this.#lives.values()].filter(({ place }) => place === "ready").length;
    const leased = await this.#queue.claim(id, count);
    const expected = this.#alive.has(id) ? Math.min(count, ready) : 0;
    if (leased.length !== expected) throw new Error(`claimed ${leased.length}, not ${expected}`);
    return this.#leased(by, leased, ["ready"]);
  }

  async #leased(
    by: number,
    leased: readonly LeasedDelivery[],
    from: readonly string[],
  ): Promise<void> {
    const { id, held } = this.#dispatcher(by);
    const ids = new Set(leased.map(({ messageId }) => messageId));
    if (ids.size < leased.length) throw new Error("a message was leased twice in one answer");
    await this.#after((before, found) => {
      if (!ids.has(before.id)) {
        const maybeMoved =
          from.includes("at queue") && before.place === "at queue" && found?.place === "at flow";
        return maybeMoved ? same(throughQueue(before), found) : same(before, found);
      }
      if (!from.includes(before.place)) return `leased although it was ${before.place}`;
      return same({ ...throughQueue(before), place: "leased", owner: id }, found);
    });
    for (const lease of leased) {
      held.add(lease.messageId);
      this.#leases.push(lease);
      if (this.#lives.get(lease.messageId)?.flow === "rated")
        this.#ratedStarts.push(this.#queue.nowMs());
    }
    if (!this.#clockWentBack && !keepsRate(this.#ratedStarts, FLOWS.get("rated")?.rate ?? 0)) {
      throw new Error(`too many starts in a period: ${this.#ratedStarts.join(", ")}`);
    }
  }

  /** What a dispatcher that died at the gates may have done without anybody knowing. */
  #passedUnknown(owner: string, before: Life, found: Life | undefined): string | null {
    const isAtGate = before.place === "at queue" || before.place === "at flow";
    if (!isAtGate || same(before, found) === null) return same(before, found);
    if (before.place === "at queue" && found?.place === "at flow")
      return same(throughQueue(before), found);
    if (before.flow === "rated") this.#ratedStarts.push(this.#queue.nowMs());
    return same({ ...throughQueue(before), place: "leased", owner }, found);
  }

  /** Each attempt once: nobody ends one twice at the same moment. */
  #endsOf(outcomes: readonly PickedOutcome[]): readonly AttemptEnd[] {
    const ends = new Map<string, AttemptEnd>();
    for (const { lease: pick, isOk } of outcomes) {
      const lease = this.#leases[pick % this.#leases.length];
      if (lease === undefined) continue;
      const attempt = `${lease.messageId} ${lease.owner} ${lease.retried}`;
      if (!ends.has(attempt)) ends.set(attempt, this.#endOf(lease, isOk));
    }
    return [...ends.values()];
  }

  #endOf(lease: LeasedDelivery, isOk: boolean): AttemptEnd {
    const ending = this.#promises.endingOf(lease, isOk);
    const counts = isHeld(this.#lives.get(lease.messageId), lease);
    return { lease, ending, counts, made: this.#queue.makeOutcome(lease, ending) };
  }

  async #record(ends: readonly AttemptEnd[]): Promise<void> {
    if (ends.length === 0) return;
    const counted = await this.#queue.record(ends.map(({ made }) => made));
    for (const [index, { lease, counts }] of ends.entries()) {
      if (counted[index] !== counts)
        throw new Error(`an outcome counted: ${counted[index]}, and should: ${counts}`);
      for (const { id, held } of this.#dispatchers)
        if (id === lease.owner) held.delete(lease.messageId);
    }
    await this.#ended(ends.filter(({ counts }) => counts));
  }

  /** What a batch of outcomes that was cut off did, it did as a whole: outcomes and callbacks, or nothing. */
  async #recordCutOff(step: Extract<Step, { kind: "record, cut off" }>): Promise<void> {
    const ends = this.#endsOf(step.outcomes);
    if (ends.length === 0) return;
    await this.#queue.recordCutOff(
      ends.map(({ made }) => made),
      step.statement,
    );
    const found = await this.#queue.lives();
    const counting = ends.filter(({ counts }) => counts);
    const wasDone = counting.some(({ lease }) => !isHeld(found.get(lease.messageId), lease));
    await this.#ended(wasDone ? counting : []);
    if (step.end === "die") return this.#replace(step.by);
    return this.#record(
      ends.map((end) => ({
        ...end,
        counts: isHeld(this.#lives.get(end.lease.messageId), end.lease),
      })),
    );
  }

  /** These attempts have ended, and nothing else happened: their callbacks are there, and no others. */
  async #ended(counting: readonly AttemptEnd[]): Promise<void> {
    const endOf = new Map(counting.map((end) => [end.lease.messageId, end]));
    const nowMs = this.#queue.nowMs();
    const added = counting.flatMap(({ lease, made }) =>
      callbacksOf(this.#lives.get(lease.messageId), made, nowMs),
    );
    for (const end of counting) this.#promises.ended(end);
    await this.#after((before, found) => {
      const end = endOf.get(before.id);
      if (end === undefined) return same(before, found);
      if (end.ending !== "retry") return gone(found);
      return same(afterFailure(before, nowMs + RETRY_DELAY_MS), found);
    }, added);
  }

  async #handBack(pick: number): Promise<void> {
    const lease = this.#leases[pick % this.#leases.length];
    if (lease === undefined) return;
    await this.#queue.handBack(lease);
    await this.#after((before, found) => {
      const isOurs = before.id === lease.messageId && before.owner === lease.owner;
      return same(isOurs ? afterLostLease(before) : before, found);
    });
  }

  async #releaseForgotten(by: number): Promise<void> {
    const { id, held } = this.#dispatcher(by);
    await this.#queue.releaseForgotten(id, held);
    await this.#after((before, found) => {
      const isForgotten = before.owner === id && !held.has(before.id);
      const isOld = isPast((before.leasedMs ?? 0) + LEASE_MS, this.#queue.nowMs());
      if (!isForgotten || isOld === false) return same(before, found);
      if (isOld === "unclear" && same(before, found) === null) return null;
      return same(afterLostLease(before), found);
    });
  }

  async #beat(by: number): Promise<void> {
    const dispatcher = this.#dispatcher(by);
    const isAlive = await this.#queue.beat(dispatcher.id);
    if (isAlive !== this.#alive.has(dispatcher.id))
      throw new Error(`a beat said alive: ${isAlive}`);
    if (isAlive) dispatcher.lastBeatMs = this.#queue.nowMs();
    else await this.#replace(by);
    await this.#after(same);
  }

  async #rescue(): Promise<void> {
    const nowMs = this.#queue.nowMs();
    const known = [...this.#dispatchers, ...this.#crashed];
    const isOver = new Map(
      known.map(({ id, lastBeatMs }) => [id, isPast(lastBeatMs + LEASE_MS, nowMs)]),
    );
    for (const [id, over] of isOver) if (over === true) this.#alive.delete(id);
    await this.#queue.rescue();
    await this.#after((before, found) => {
      if (before.owner === null) return same(before, found);
      const isUnclear = isOver.get(before.owner) === "unclear";
      if (isUnclear && same(before, found) === null) return null;
      if (!isUnclear && this.#alive.has(before.owner)) return same(before, found);
      return same(afterLostLease(before), found);
    });
    for (const dispatcher of known) {
      if (isOver.get(dispatcher.id) !== "unclear") continue;
      // Ask how the close call ended.
      if (await this.#queue.beat(dispatcher.id)) dispatcher.lastBeatMs = nowMs;
      else this.#alive.delete(dispatcher.id);
    }
  }

  /** A dispatcher starts anew, remembering nothing. */
  async #replace(by: number): Promise<void> {
    const slot = by % 2;
    const before = this.#dispatchers[slot];
    if (before) this.#crashed.push(before);
    const id = await this.#queue.register();
    this.#alive.add(id);
    this.#dispatchers[slot] = { id, lastBeatMs: this.#queue.nowMs(), held: new Set() };
  }

  #dispatcher(by: number): Dispatcher {
    const found = this.#dispatchers[by % 2];
    if (found === undefined) throw new Error("there are two dispatchers");
    return found;
  }

  /** Looks at the queue and holds every message against what may have become of it. */
  async #after(allowed: Allowed, added: readonly Life[] = []): Promise<void> {
    const before = this.#lives;
    await this.#look();
    for (const life of before.values()) {
      const wrong = allowed(life, this.#lives.get(life.id));
      if (wrong !== null) throw new Error(`message ${life.id}: ${wrong}`);
    }
    for (const life of added) {
      const wrong = same(life, this.#lives.get(life.id));
      if (wrong !== null) throw new Error(`new message ${life.id}: ${wrong}`);
    }
    for (const id of this.#lives.keys()) {
      if (!before.has(id) && !added.some((life) => life.id === id))
        throw new Error(`message ${id} came from nowhere`);
    }
  }

  /** Looks at the queue, notes who came to stand where, and says what is wrong between messages. */
  async #look(): Promise<void> {
    const before = this.#lives;
    this.#lives = await this.#queue.lives();
    // Several may have come to stand there since, and moved on: what was due first came first.
    const arrived = [...before.values()]
      .filter(({ id, place }) => place === "delayed" && this.#lives.get(id)?.place !== "delayed")
      .toSorted((a, b) => (a.dueMs ?? 0) - (b.dueMs ?? 0));
    const made = [...this.#lives.values()].filter(
      ({ id, place }) => place !== "delayed" && !before.has(id),
    );
    for (const { id } of [...arrived, ...made]) {
      if (!this.#arrivalOrder.includes(id)) this.#arrivalOrder.push(id);
    }
    const [broken] = brokenPromises([...this.#lives.values()], this.#arrivalOrder, FLOWS);
    if (broken !== undefined) throw new Error(broken);
  }
}
