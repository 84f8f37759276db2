import type { Pool } from "@omnistore/db/client";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";

import {
  afterLostLease,
  brokenPromises,
  difference,
  isPast,
  keepsRate,
  placeWhenDue,
  type FlowRules,
  type Life,
} from "./life.ts";
import { LEASE_MS, QueueUnderTest, RETRY_DELAY_MS } from "./queue-under-test.ts";
import type { Step } from "./steps.ts";

const FLOWS: ReadonlyMap<string, FlowRules> = new Map([
  ["one", { parallelism: 1 }],
  ["two", { parallelism: 2 }],
  ["rated", { rate: 2 }],
]);
/** A window of deduplication is ten minutes; with so much of it left, it is certainly open. */
const WINDOW_MS = 8 * 60_000;
const CLOCK_BACK_MS = -13_000;
/** Rounds in which one healthy dispatcher must bring everything to its end. */
const ROUNDS_TO_THE_END = 60;
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
export async function runLife(pool: Pool, steps: readonly Step[]): Promise<void> {
  const run = new Run(new QueueUnderTest(pool));
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
  /** Every message that was ever acknowledged, and how often it may be tried again. */
  readonly #maxRetries = new Map<string, number>();
  /** In the order in which messages came to stand at their gate. */
  readonly #arrivalOrder: string[] = [];
  readonly #deduplicated = new Map<string, string>();
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
    await this.#queue.clear();
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
        return this.#record(step.lease, step.isOk);
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
      for (const lease of [...throughGates, ...claimed])
        await this.#queue.record(lease, "delivered");
      await this.#look();
    }
    const endings = await this.#queue.endings();
    for (const id of this.#maxRetries.keys()) {
      const { delivered = 0, dead = 0, cancelled = 0 } = endings.get(id) ?? {};
      if (delivered + dead + cancelled !== 1) {
        throw new Error(
          `${id}: delivered ${delivered}, dead ${dead}, cancelled ${cancelled} times`,
        );
      }
    }
    if (endings.size !== this.#maxRetries.size)
      throw new Error("a message nobody published was stored");
  }

  async #publish({ what, maxRetries }: Extract<Step, { kind: "publish" }>): Promise<void> {
    const id = await this.#queue.publish(what, maxRetries, FLOWS.get(what.flow ?? "") ?? {});
    const isNew = !this.#maxRetries.has(id);
    const key = what.deduplication;
    const twin = key === null ? undefined : this.#deduplicated.get(key);
    // When the window has closed, and only then, a new message takes the key over.
    if (twin !== undefined && twin !== id && (!isNew || this.#isWindowOpen(twin))) {
      throw new Error(`the duplicate of ${twin} was answered with ${id}`);
    }
    if (key !== null) this.#deduplicated.set(key, id);
    if (isNew) this.#maxRetries.set(id, maxRetries);
    await this.#after(same, isNew ? [id] : []);
    if (!isNew) return;
    const made = this.#lives.get(id);
    if (made === undefined) throw new Error("what was acknowledged is not in the queue");
    const expected = what.delayMs > 0 ? "delayed" : placeWhenDue(made);
    if (made.place !== expected) throw new Error(`published to ${made.place}, not ${expected}`);
  }

  #isWindowOpen(id: string): boolean {
    const madeMs = Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
    return this.#queue.nowMs() - madeMs < WINDOW_MS;
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

  async #record(pick: number, isOk: boolean): Promise<void> {
    const lease = this.#leases[pick % this.#leases.length];
    if (lease === undefined) return;
    const life = this.#lives.get(lease.messageId);
    const onFailure =
      lease.retried >= (this.#maxRetries.get(lease.messageId) ?? 0) ? "dead" : "retry";
    const outcome = isOk ? "delivered" : onFailure;
    const counts = life?.owner === lease.owner && life.retried === lease.retried;
    const counted = await this.#queue.record(lease, outcome);
    if (counted !== counts)
      throw new Error(`an outcome counted: ${counted}, and should: ${counts}`);
    for (const { id, held } of this.#dispatchers)
      if (id === lease.owner) held.delete(lease.messageId);
    await this.#after((before, found) => {
      if (!counts || before.id !== lease.messageId) return same(before, found);
      if (outcome !== "retry") return gone(found);
      const dueMs = this.#queue.nowMs() + RETRY_DELAY_MS;
      const retried = before.retried + 1;
      return same(
        { ...before, place: "delayed", owner: null, leasedMs: null, retried, dueMs },
        found,
      );
    });
  }

  async #handBack(pick: number): Promise<void> {
    const lease = this.#leases[pick % this.#leases.length];
    if (lease === undefined) return;
    await this.#queue.handBack(lease);
    await this.#after((before, found) => {
      const isHeld = before.id === lease.messageId && before.owner === lease.owner;
      return same(isHeld ? afterLostLease(before) : before, found);
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
  async #after(allowed: Allowed, added: readonly string[] = []): Promise<void> {
    const before = this.#lives;
    await this.#look();
    for (const life of before.values()) {
      const wrong = allowed(life, this.#lives.get(life.id));
      if (wrong !== null) throw new Error(`message ${life.id}: ${wrong}`);
    }
    for (const id of this.#lives.keys()) {
      if (!before.has(id) && !added.includes(id))
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

function same(expected: Life, found: Life | undefined): string | null {
  return found === undefined ? "it is gone" : difference(expected, found);
}

function gone(found: Life | undefined): string | null {
  return found === undefined ? null : `it is still there: ${found.place}`;
}

/** As it is once it has passed its queue, if it stood before one. */
function throughQueue(life: Life): Life {
  return life.place === "at queue" ? { ...life, place: "at flow", queuePassed: true } : life;
}
