/**
 * A message's life as its users were promised it, told without any of the engine's code: what may
 * become of a message at each step, and what must hold between messages at any time.
 */

/** Where a message that is still to be delivered is. */
export type Place = "delayed" | "ready" | "at queue" | "at flow" | "leased";

export interface Life {
  readonly id: string;
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

/** Certainly, certainly not, or too close to tell. */
export function isPast(timeMs: number, nowMs: number): boolean | "unclear" {
  if (timeMs <= nowMs - BLUR_MS) return true;
  return timeMs > nowMs + BLUR_MS ? false : "unclear";
}

/** How two states of one message differ, as far as users can tell; null when they do not. */
export function difference(expected: Life, found: Life): string | null {
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
  const rank = ({ id }: Life) => arrivalOrder.indexOf(id);
  for (const name of new Set(lives.flatMap(({ queue }) => queue ?? []))) {
    const own = lives.filter(({ queue }) => queue === name);
    const passed = own.filter(({ queuePassed }) => queuePassed);
    if (passed.length > 1) broken.push(`${passed.length} messages have passed the queue ${name}`);
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
