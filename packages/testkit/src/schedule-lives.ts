import fc from "fast-check";

import { ticksByLooking } from "./cron-by-looking.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** A scheduler looks at most this late; whatever else happens, happens in the rest of a minute. */
const LATEST_LOOK = 20 * SECOND;
export const SCHEDULES = 200;

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "Europe/Dublin",
  "America/New_York",
  "America/St_Johns",
  "America/Los_Angeles",
  "Australia/Lord_Howe",
  "Australia/Sydney",
  "Pacific/Chatham",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Pacific/Apia",
];

const second = fc.integer({ min: 30, max: 59 });
const minute = fc.integer({ min: 0, max: 59 });
const hour = fc.integer({ min: 0, max: 23 });
const anyCron = fc
  .tuple(
    fc.option(fc.constantFrom(...ZONES), { freq: 4 }),
    fc.oneof(
      fc.constantFrom("*/10 * * * *", "*/15 * * * *", "*/30 * * * *", "* 1-3 * * *"),
      minute.map((at) => `${at} * * * *`),
      fc.constantFrom("0 */2 * * *", "*/20 1-3 * * *", "0,30 2 * * *", "30 2 * * SUN", "0 0 * * *"),
      fc.tuple(minute, hour).map(([at, of]) => `${at} ${of} * * *`),
      fc.tuple(minute, hour).map(([at, from]) => `${at}/7 ${from}-23/3 * * *`),
      fc
        .tuple(minute, hour, fc.integer({ min: 1, max: 31 }))
        .map((day) => `${day.join(" ")} * MON`),
    ),
  )
  .map(([zone, fields]) => (zone === null ? fields : `CRON_TZ=${zone} ${fields}`));

/** Something that is done to a schedule. Creating one that is there overwrites it. */
type Deed =
  | { readonly kind: "create"; readonly cron: string }
  | { readonly kind: "pause" | "resume" | "delete" };
export type Change = Deed & { readonly atMs: number };

const anyDeed: fc.Arbitrary<Deed> = fc.oneof(
  anyCron.map((cron) => ({ kind: "create" as const, cron })),
  fc.constantFrom("pause" as const, "resume" as const, "resume" as const).map((kind) => ({ kind })),
  fc.constant({ kind: "delete" as const }),
);

/** Milliseconds since midnight, never while a scheduler may be looking. */
const anyMoment = fc.tuple(fc.nat(1_439), second).map(([m, s]) => m * MINUTE + s * SECOND + 7);

/** Most are there from the start, and half of them are left alone. */
const anyLife = fc
  .tuple(
    anyCron,
    fc.oneof({ weight: 3, arbitrary: fc.constant(-MINUTE / 2) }, anyMoment),
    fc.oneof(fc.constant([]), fc.array(fc.tuple(anyMoment, anyDeed), { maxLength: 5 })),
  )
  .map(([cron, bornAt, deeds]) => {
    const changes: Change[] = deeds.map(([atMs, deed]) => Object.assign({ atMs }, deed));
    return [{ kind: "create" as const, cron, atMs: bornAt }, ...changes];
  });

/** From a moment after all was fired until the first look after it. */
export interface Down {
  readonly fromMs: number;
  readonly lookAtMs: number;
}

const anyDown = (lengthMinutes: number) =>
  fc
    .tuple(fc.nat(1_000), fc.integer({ min: 1, max: lengthMinutes }), fc.nat(LATEST_LOOK))
    .map(([from, length, late]) => ({
      fromMs: from * MINUTE + 25 * SECOND,
      lookAtMs: (from + length) * MINUTE + late,
    }));

/** What is done to each schedule, and when no scheduler runs. Milliseconds since midnight. */
export const anyPlan = fc.record({
  lives: fc.array(anyLife, { minLength: SCHEDULES, maxLength: SCHEDULES }),
  downs: fc.tuple(anyDown(360), anyDown(90), anyDown(3)).map(apart),
});

/** Those that begin before another has ended are left out. */
function apart(downs: readonly Down[]): readonly Down[] {
  const inOrder = downs.toSorted((a, b) => a.fromMs - b.fromMs);
  return inOrder.filter((down, at) =>
    inOrder.slice(0, at).every((earlier) => earlier.lookAtMs + MINUTE < down.fromMs),
  );
}

/** A time in which one definition is in force, from after `fromMs` to before `untilMs`. */
interface Span {
  readonly cron: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

interface State {
  readonly cron: string;
  readonly isPaused: boolean;
}

/** What a deed makes of a schedule; null is none. */
function afterwards(before: State | null, change: Change): State | null {
  switch (change.kind) {
    case "create":
      return { cron: change.cron, isPaused: before?.isPaused ?? false };
    case "delete":
      return null;
    case "pause":
    case "resume":
      return before && { cron: before.cron, isPaused: change.kind === "pause" };
  }
}

/** When a schedule is in force, out of what is done to it until `endMs`. */
export function spansOf(changes: readonly Change[], endMs: number): readonly Span[] {
  const spans: Span[] = [];
  let state: State | null = null;
  const inOrder = changes.toSorted((a, b) => a.atMs - b.atMs);
  for (const [place, change] of inOrder.entries()) {
    const before = state;
    state = afterwards(before, change);
    const untilMs = inOrder[place + 1]?.atMs ?? endMs;
    const last = spans.at(-1);
    if (state === null || state.isPaused) continue;
    // To resume what runs changes nothing, not even which ticks were missed.
    if (change.kind === "resume" && before?.isPaused === false && last !== undefined) {
      spans[spans.length - 1] = { ...last, untilMs };
    } else {
      spans.push({ cron: state.cron, fromMs: change.atMs, untilMs });
    }
  }
  return spans;
}

/** The ticks that fire, as docs/schedules.md has it: by looking, and by reasoning about down-times. */
export function expectedTicks(
  { cron, fromMs, untilMs }: Span,
  downs: readonly Down[],
): readonly number[] {
  const ticks = ticksByLooking(cron, fromMs + 1, untilMs);
  const within = (down: Down) => ticks.filter((at) => at >= down.fromMs && at <= down.lookAtMs);
  const missed = new Set(downs.flatMap(within));
  const madeUp = downs
    .filter((down) => down.lookAtMs < untilMs)
    .flatMap((down) => {
      const last = within(down).at(-1);
      return last !== undefined && isYoung(cron, last, down.lookAtMs - last) ? [last] : [];
    });
  return [...ticks.filter((at) => !missed.has(at)), ...madeUp];
}

/** Whether a tick is less than one period old: the one before it is further from it than its age. */
function isYoung(cron: string, tickMs: number, ageMs: number): boolean {
  return ageMs < MINUTE || ticksByLooking(cron, tickMs - ageMs, tickMs - 1).length === 0;
}
