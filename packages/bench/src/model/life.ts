/**
 * A message's life as its users were promised it, told without any of the engine's code: what may
 * become of a message at each step, and what must hold between messages at any time.
 */

import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import type { Outcome } from "@omnistore/engine/record/write-outcomes.sql";

/** Where a message that is still to be delivered is. */
export type Place = "delayed" | "ready" | "at queue" | "at flow" | "leased";

export interface Life {
  readonly id: string;
  /** The message that was published: itself, or the one that it is a callback of. */
  readonly family: string;
  readonly place: Place;
  /** Model time, milliseconds; only while delayed. */
  readonly dueMs: number | null;
  readonly owner: string | null;
  readonly leasedMs: number | null;
  readonly retried: number;
  readonly queue: string | null;
  readonly queuePassed: boolean;
  readonly flow: string | null;
}

export interface FlowRules {
  readonly parallelism?: number;
  readonly rate?: number;
}

/** How an attempt ended, as its callbacks tell it. */
export type Ending = "delivered" | "retry" | "dead";
export type CallbackKind = "callback" | "failure callback";

/** The callbacks that an attempt is followed by, each once: one always, the other when all is lost. */
export function callbacksDue(
  ending: Ending,
  asked: ReadonlySet<CallbackKind>,
): readonly CallbackKind[] {
  const due: readonly CallbackKind[] =
    ending === "dead" ? ["callback", "failure callback"] : ["callback"];
  return due.filter((kind) => asked.has(kind));
}

/** The flow-control keys that there are. */
export const FLOWS: ReadonlyMap<string, FlowRules> = new Map([
  ["one", { parallelism: 1 }],
  ["two", { parallelism: 2 }],
  ["rated", { rate: 2 }],
]);
/** Rates are for this long. */
export const PERIOD_MS = 60_000;
/** Two times that are closer than this are not told apart: real time passes while a run is on. */
const BLUR_MS = 3_000;

/** Where a message stands that is due, or comes back: behind the gates it has not passed. */
export function placeWhenDue({ queue, queuePassed, flow }: Life): Place {
  if (queue !== null && !queuePassed) return "at queue";
  return flow === null ? "ready" : "at flow";
}

/** Where a lease that ended without an outcome puts its message: in its queue it keeps its place. */
export function afterLostLease(life: Life): Life {
  const place = life.flow === null ? "ready" : "at flow";
  return { ...life, place, owner: null, leasedMs: null };
}

/** As it is after an attempt that failed, with more to come. */
export function afterFailure(life: Life, dueMs: number): Life {
  const retried = life.retried + 1;
  return { ...life, place: "delayed", owner: null, leasedMs: null, retried, dueMs };
}

/** As a message has to be when it was just stored. */
export function newLife(
  what: Pick<Life, "id" | "family" | "queue" | "queuePassed" | "flow">,
  delayMs: number,
  nowMs: number,
): Life {
  const life = { ...what, owner: null, leasedMs: null, retried: 0, dueMs: null };
  if (delayMs > 0) return { ...life, place: "delayed", dueMs: nowMs + delayMs };
  return { ...life, place: placeWhenDue({ ...life, place: "ready" }) };
}

/**
 * The callbacks of an attempt that just ended, as they have to be stored: they take part in the place
 * that their source has in its queue, and wait for none of their own.
 */
export function callbacksOf(
  source: Life | undefined,
  { callbacks }: Pick<Outcome, "callbacks">,
  nowMs: number,
): readonly Life[] {
  if (source === undefined) throw new Error("only what is in the queue can end");
  const { family, queue } = source;
  return callbacks.map(({ message: { id, options }, due }) => {
    const flow = options.flowControl?.key ?? null;
    const delayMs = due.kind === "after" ? due.delayMs : 0;
    return newLife({ id, family, queue, queuePassed: queue !== null, flow }, delayMs, nowMs);
  });
}

/** Certainly, certainly not, or too close to tell. */
export function isPast(timeMs: number, nowMs: number): boolean | "unclear" {
  if (timeMs <= nowMs - BLUR_MS) return true;
  return timeMs > nowMs + BLUR_MS ? false : "unclear";
}

/** How two states of one message differ, as far as users can tell; null when they do not. */
function difference(expected: Life, found: Life): string | null {
  const told = ({ place, owner, retried, queuePassed }: Life) =>
    `${place}, owner ${owner}, retried ${retried}, queue passed ${queuePassed}`;
  if (told(expected) !== told(found)) return `expected ${told(expected)}; found ${told(found)}`;
  const drift = Math.abs((expected.dueMs ?? 0) - (found.dueMs ?? 0));
  return drift > BLUR_MS ? `due ${drift} ms from where it should be` : null;
}

/** What is wrong between the messages; nothing, if all is well. */
export function brokenPromises(
  lives: readonly Life[],
  arrivalOrder: readonly string[],
  flows: ReadonlyMap<string, FlowRules>,
): readonly string[] {
  const broken: string[] = [];
  const rank = ({ family }: Life) => arrivalOrder.indexOf(family);
  for (const name of new Set(lives.flatMap(({ queue }) => queue ?? []))) {
    const own = lives.filter(({ queue }) => queue === name);
    const passed = own.filter(({ queuePassed }) => queuePassed);
    // What has passed keeps its place until its callbacks have ended too.
    const families = new Set(passed.map(({ family }) => family)).size;
    if (families > 1) broken.push(`${families} messages have passed the queue ${name}`);
    const waiting = own.filter(({ place }) => place === "at queue");
    const overtaken = waiting.some((one) => passed.some((other) => rank(one) < rank(other)));
    if (overtaken) broken.push(`a message was overtaken in the queue ${name}`);
  }
  for (const [name, { parallelism = Number.POSITIVE_INFINITY }] of flows) {
    const active = lives.filter(({ flow, place }) => flow === name && place === "leased").length;
    if (active > parallelism) broken.push(`${active} of the key ${name} are under way`);
  }
  return broken;
}

/** The first start opens a period; whatever starts before its end belongs to it. */
export function keepsRate(startsMs: readonly number[], rate: number): boolean {
  let openedMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return startsMs.every((startMs) => {
    if (startMs >= openedMs + PERIOD_MS) {
      openedMs = startMs;
      count = 0;
    }
    count += 1;
    return count <= rate;
  });
}

/** Whether the attempt of that lease is still under way. */
export function isHeld(life: Life | undefined, { owner, retried }: LeasedDelivery): boolean {
  return life?.owner === owner && life.retried === retried;
}

/** What is wrong with a message that should be as expected, or null. */
export function same(expected: Life, found: Life | undefined): string | null {
  return found === undefined ? "it is gone" : difference(expected, found);
}

/** What is wrong with a message that should have left, or null. */
export function gone(found: Life | undefined): string | null {
  return found === undefined ? null : `it is still there: ${found.place}`;
}

/** As it is once it has passed its queue, if it stood before one. */
export function throughQueue(life: Life): Life {
  return life.place === "at queue" ? { ...life, place: "at flow", queuePassed: true } : life;
}
