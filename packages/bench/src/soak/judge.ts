/** One request that the receiver got. Times are unix milliseconds. */
export interface Arrival {
  readonly id: string;
  readonly retried: number;
  readonly path: string;
  readonly atMs: number;
  /** When it was answered, or broken off by the sender; null while neither. */
  readonly endedMs: number | null;
  /** Null when it was never answered. */
  readonly status: number | null;
}

/** One message whose publish was acknowledged. */
export interface Acknowledged {
  readonly id: string;
  readonly fate: "delivered" | "dead";
  /** Earliest arrival that is right, unix milliseconds. */
  readonly notBeforeMs: number;
  /** Its queue and its place there. */
  readonly queue?: { readonly name: string; readonly place: number };
}

export type Victim = "api" | "dispatcher" | "scheduler" | "postgres";

export interface Kill {
  readonly victim: Victim;
  readonly atMs: number;
  /** When its victim could be reached again, if nothing can be done without it: PostgreSQL. */
  readonly backMs?: number;
}

export interface FlowKey {
  readonly parallelism?: number;
  readonly rate?: number;
  readonly periodMs?: number;
}

export interface Evidence {
  readonly arrivals: readonly Arrival[];
  readonly acknowledged: readonly Acknowledged[];
  readonly kills: readonly Kill[];
  readonly flowKeys: ReadonlyMap<string, FlowKey>;
  /** Message ids in the dead letter queue. */
  readonly deadLetters: ReadonlySet<string>;
  /** How often each message was recorded as delivered; those with one are left out. */
  readonly recordedTwice: readonly string[];
  /** Ticks that were due: schedule and unix milliseconds of the minute. */
  readonly expectedTicks: readonly string[];
  /** Ticks that the messages of schedules stand for, one for each message. */
  readonly firedTicks: readonly string[];
  readonly leaseMs: number;
}

export interface Verdict {
  readonly lost: readonly string[];
  readonly early: readonly string[];
  readonly recordedTwice: readonly string[];
  /** Arrivals beyond the first of an attempt, by what was killed before. */
  readonly duplicates: Readonly<Record<"dispatcher" | "postgres" | "unexplained", number>>;
  /** Kills with more duplicates than were in flight then plus one record batch. */
  readonly killsOverBound: number;
  readonly mostDuplicatesOfOneKill: number;
  readonly orderBreaks: number;
  readonly parallelismBreaks: number;
  readonly rateBreaks: number;
  readonly missedTicks: readonly string[];
  readonly doubleTicks: readonly string[];
  /** Of what was cut off by one kill only. */
  readonly redelivery: Redelivery;
  /** Of what another kill of a dispatcher or of PostgreSQL may have cut off again: counted from the last one. */
  readonly redeliveryAfterMore: Redelivery;
}

/** From a kill to the next arrival of what it cut off, without what PostgreSQL was away of it, milliseconds. */
export interface Redelivery {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The slowest of them, slowest first. */
  readonly slowest: readonly Redelivered[];
}

/** What a kill cut off, and when it arrived again. */
export interface Redelivered {
  readonly path: string;
  readonly delayMs: number;
  /** When it had arrived, from the kill that counts, milliseconds: before it, so negative. */
  readonly cutOffMs: number;
  /** What was killed between the two arrivals and shortly before, in order, with its time from the kill that counts. */
  readonly kills: readonly { readonly victim: Victim; readonly atMs: number }[];
}

/** Outcomes that a dispatcher writes in one statement, at most. */
const RECORD_BATCH = 500;
const SLOWEST_TOLD = 3;
/** What was killed so shortly before may not have been back yet. */
const TOLD_BEFORE_MS = 10_000;
/** How much later than the fact the killer may have noted its time, and clocks of processes differ. */
const SLACK_MS = 50;

/** Says what the evidence of a soak comes to. Pure: the same evidence, the same verdict. */
export function judge(evidence: Evidence): Verdict {
  const { arrivals, acknowledged, deadLetters } = evidence;
  const answered = new Set<string>();
  const firstAt = new Map<string, number>();
  for (const { id, status, atMs } of arrivals) {
    if (status === 200) answered.add(id);
    firstAt.set(id, Math.min(firstAt.get(id) ?? Number.POSITIVE_INFINITY, atMs));
  }
  const reachedItsEnd = ({ id, fate }: Acknowledged) =>
    fate === "dead" ? deadLetters.has(id) : answered.has(id);
  const fired = countOf(evidence.firedTicks);
  return {
    lost: acknowledged.filter((one) => !reachedItsEnd(one)).map(({ id }) => id),
    early: acknowledged
      .filter(({ id, notBeforeMs }) => (firstAt.get(id) ?? notBeforeMs) < notBeforeMs)
      .map(({ id }) => id),
    recordedTwice: evidence.recordedTwice,
    ...judgeDuplicates(evidence),
    orderBreaks: orderBreaks(arrivals, acknowledged),
    parallelismBreaks:
      [...arrivalsBy(arrivals, /^\/queue\/(.+)/).values()].filter((own) => mostAtOnce(own) > 1)
        .length + flowBreaks(evidence, tooManyAtOnce),
    rateBreaks: flowBreaks(evidence, tooManyInAPeriod),
    missedTicks: evidence.expectedTicks.filter((tick) => !fired.has(tick)),
    doubleTicks: [...fired].filter(([, count]) => count > 1).map(([tick]) => tick),
  };
}

/** True when every bound holds. */
export function isGood(verdict: Verdict, leaseMs: number): boolean {
  return (
    verdict.lost.length === 0 &&
    verdict.early.length === 0 &&
    verdict.recordedTwice.length === 0 &&
    verdict.duplicates.unexplained === 0 &&
    verdict.killsOverBound === 0 &&
    verdict.orderBreaks === 0 &&
    verdict.parallelismBreaks === 0 &&
    verdict.rateBreaks === 0 &&
    verdict.missedTicks.length === 0 &&
    verdict.doubleTicks.length === 0 &&
    verdict.redelivery.p99 <= 2 * leaseMs &&
    verdict.redeliveryAfterMore.p99 <= 2 * leaseMs
  );
}

function judgeDuplicates({
  arrivals,
  kills,
}: Evidence): Pick<
  Verdict,
  "duplicates" | "killsOverBound" | "mostDuplicatesOfOneKill" | "redelivery" | "redeliveryAfterMore"
> {
  const duplicates = { dispatcher: 0, postgres: 0, unexplained: 0 };
  const ofKill = new Map<Kill, number>();
  const redelivered: Redelivered[] = [];
  const redeliveredAfterMore: Redelivered[] = [];
  for (const attempts of groupBy(arrivals, ({ id, retried }) => `${id} ${retried}`).values()) {
    const inOrder = attempts.toSorted((a, b) => a.atMs - b.atMs);
    for (const [index, repeat] of inOrder.entries()) {
      const earlier = inOrder[index - 1];
      if (earlier === undefined) continue;
      const causes = kills.filter(
        ({ victim, atMs, backMs = atMs }) =>
          (victim === "dispatcher" || victim === "postgres") &&
          // What arrives while PostgreSQL is away cannot be recorded until it is back.
          backMs >= earlier.atMs - SLACK_MS &&
          atMs <= repeat.atMs,
      );
      const [cause] = causes;
      const last = causes.at(-1);
      if (cause === undefined || last === undefined) {
        duplicates.unexplained += 1;
        continue;
      }
      duplicates[cause.victim === "postgres" ? "postgres" : "dispatcher"] += 1;
      ofKill.set(cause, (ofKill.get(cause) ?? 0) + 1);
      // The second kill may have met the dispatcher that had just taken the message over.
      (last === cause ? redelivered : redeliveredAfterMore).push({
        path: repeat.path,
        delayMs: repeat.atMs - last.atMs - outageBetween(kills, last.atMs, repeat.atMs),
        cutOffMs: earlier.atMs - last.atMs,
        kills: kills
          .filter(({ atMs }) => atMs >= earlier.atMs - TOLD_BEFORE_MS && atMs <= repeat.atMs)
          .map(({ victim, atMs }) => ({ victim, atMs: atMs - last.atMs })),
      });
    }
  }
  const inFlightAt = ({ atMs }: Kill) =>
    arrivals.filter((arrival) => arrival.atMs <= atMs && (arrival.endedMs ?? atMs) >= atMs).length;
  return {
    duplicates,
    killsOverBound: [...ofKill].filter(([kill, count]) => count > inFlightAt(kill) + RECORD_BATCH)
      .length,
    mostDuplicatesOfOneKill: Math.max(0, ...ofKill.values()),
    redelivery: redeliveryOf(redelivered),
    redeliveryAfterMore: redeliveryOf(redeliveredAfterMore),
  };
}

function redeliveryOf(redelivered: readonly Redelivered[]): Redelivery {
  const fromSlowest = redelivered.toSorted((a, b) => b.delayMs - a.delayMs);
  const sorted = fromSlowest.map(({ delayMs }) => delayMs).toReversed();
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1) ?? 0,
    slowest: fromSlowest.slice(0, SLOWEST_TOLD),
  };
}

/** How long PostgreSQL was away between two times: nobody can redeliver anything then. */
function outageBetween(kills: readonly Kill[], fromMs: number, toMs: number): number {
  return kills.reduce((sum, { atMs, backMs = atMs }) => {
    return sum + Math.max(0, Math.min(toMs, backMs) - Math.max(fromMs, atMs));
  }, 0);
}

/** In a queue nothing arrives, for the first time or again, after something that stands behind it. */
function orderBreaks(arrivals: readonly Arrival[], acknowledged: readonly Acknowledged[]): number {
  const queueOf = new Map(acknowledged.flatMap(({ id, queue }) => (queue ? [[id, queue]] : [])));
  const furthest = new Map<string, number>();
  let breaks = 0;
  for (const { id } of arrivals.toSorted((a, b) => a.atMs - b.atMs)) {
    const queue = queueOf.get(id);
    if (queue === undefined) continue;
    const before = furthest.get(queue.name) ?? -1;
    if (queue.place < before) breaks += 1;
    furthest.set(queue.name, Math.max(before, queue.place));
  }
  return breaks;
}

function flowBreaks(
  { arrivals, flowKeys }: Evidence,
  isBroken: (own: readonly Arrival[], key: FlowKey) => boolean,
): number {
  return [...arrivalsBy(arrivals, /^\/flow\/(.+)/)].filter(([name, own]) =>
    isBroken(own, flowKeys.get(name) ?? {}),
  ).length;
}

function tooManyAtOnce(own: readonly Arrival[], { parallelism }: FlowKey): boolean {
  return parallelism !== undefined && mostAtOnce(own) > parallelism;
}

/** The first arrival opens a period; whatever comes before its end belongs to it. */
function tooManyInAPeriod(own: readonly Arrival[], { rate, periodMs = 1_000 }: FlowKey): boolean {
  if (rate === undefined) return false;
  let openedMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return own
    .toSorted((a, b) => a.atMs - b.atMs)
    .some(({ atMs }) => {
      if (atMs >= openedMs + periodMs) {
        openedMs = atMs;
        count = 0;
      }
      count += 1;
      return count > rate;
    });
}

function mostAtOnce(own: readonly Arrival[]): number {
  const moves = own.flatMap(({ atMs, endedMs }) => [
    { atMs, by: 1 },
    { atMs: endedMs ?? Number.POSITIVE_INFINITY, by: -1 },
  ]);
  let now = 0;
  let most = 0;
  // At the same time, an end comes before a start.
  for (const { by } of moves.toSorted((a, b) => a.atMs - b.atMs || a.by - b.by)) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

function arrivalsBy(arrivals: readonly Arrival[], path: RegExp): Map<string, Arrival[]> {
  const named = arrivals.filter((arrival) => path.test(arrival.path));
  return groupBy(named, (arrival) => path.exec(arrival.path)?.[1] ?? "");
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

function countOf(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
