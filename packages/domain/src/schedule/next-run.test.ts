import { ticksByLooking } from "@omnistore/testkit/cron-by-looking";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Cron, parseCron } from "./cron.ts";
import { lastRun, nextRun } from "./next-run.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function cron(text: string): Cron {
  const parsed = parseCron(text);
  if (parsed.kind === "invalid") throw new Error(`${text}: ${parsed.reason}`);
  return parsed;
}

/** Every run in (from, to]. */
function runs(schedule: Cron, from: number, to: number): number[] {
  const found: number[] = [];
  for (let at = nextRun(schedule, from); at !== null && at <= to; at = nextRun(schedule, at)) {
    found.push(at);
  }
  return found;
}

function runTexts(text: string, from: string, to: string): string[] {
  return runs(cron(text), Date.parse(from), Date.parse(to)).map((at) =>
    new Date(at).toISOString().slice(0, 16),
  );
}

describe("03 §3 nextRun", () => {
  it("is after the moment asked about, never at it", () => {
    const at = Date.parse("2026-05-01T12:00Z");
    expect(nextRun(cron("* * * * *"), at)).toBe(at + MINUTE);
    expect(nextRun(cron("* * * * *"), at - 1)).toBe(at);
    expect(nextRun(cron("* * * * *"), at + 0.25)).toBe(at + MINUTE);
  });

  it("fires a skipped local time once, at the first moment after the gap", () => {
    // Berlin goes from 02:00 to 03:00 on 29 March 2026, at 01:00 UTC.
    expect(
      runTexts("CRON_TZ=Europe/Berlin 30 2 * * *", "2026-03-28T00:00Z", "2026-03-31T00:00Z"),
    ).toEqual(["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]);
  });

  it("fires several times of one gap together, once", () => {
    expect(
      runTexts("CRON_TZ=Europe/Berlin */20 2,3 * * *", "2026-03-29T00:00Z", "2026-03-29T12:00Z"),
    ).toEqual(["2026-03-29T01:00", "2026-03-29T01:20", "2026-03-29T01:40"]);
  });

  it("fires a repeated local time once, at its first showing", () => {
    // Berlin goes from 03:00 back to 02:00 on 25 October 2026, at 01:00 UTC.
    expect(
      runTexts("CRON_TZ=Europe/Berlin */30 2 * * *", "2026-10-24T12:00Z", "2026-10-26T00:00Z"),
    ).toEqual(["2026-10-25T00:00", "2026-10-25T00:30"]);
  });

  it("keeps the pace of an hourly schedule through both changes", () => {
    const schedule = cron("CRON_TZ=Europe/Berlin 15 * * * *");
    for (const day of ["2026-03-29", "2026-10-25"]) {
      const start = Date.parse(`${day}T00:15Z`);
      expect(runs(schedule, start - 1, start + 6 * HOUR)).toEqual(
        Array.from({ length: 7 }, (_, hour) => start + hour * HOUR),
      );
    }
  });

  it("fires every second hour once for each local time, without a hole at the gap", () => {
    expect(
      runTexts("CRON_TZ=Europe/Berlin 0 */2 * * *", "2026-03-28T22:59Z", "2026-03-29T04:00Z"),
    ).toEqual(["2026-03-28T23:00", "2026-03-29T01:00", "2026-03-29T02:00", "2026-03-29T04:00"]);
    expect(
      runTexts("CRON_TZ=Europe/Berlin 0 */2 * * *", "2026-10-24T21:59Z", "2026-10-25T05:00Z"),
    ).toEqual(["2026-10-24T22:00", "2026-10-25T00:00", "2026-10-25T03:00", "2026-10-25T05:00"]);
  });

  it("fires at midnight on a day that begins at one o'clock", () => {
    // Cairo goes from 00:00 to 01:00 on 24 April 2026, at 22:00 UTC of the day before.
    expect(
      runTexts("CRON_TZ=Africa/Cairo 0 0 24 4 *", "2026-01-01T00:00Z", "2026-12-31T00:00Z"),
    ).toEqual(["2026-04-23T22:00"]);
  });

  it("makes up for a day that never was", () => {
    // Samoa went from 29 December 2011 straight to the 31st.
    expect(
      runTexts("CRON_TZ=Pacific/Apia 0 12 30 12 *", "2011-12-01T00:00Z", "2012-01-31T00:00Z"),
    ).toEqual(["2011-12-30T10:00"]);
  });

  it("finds a 29 February many changes of clocks ahead", () => {
    expect(
      runTexts("CRON_TZ=Europe/Berlin 0 * 29 2 *", "2096-03-01T12:00Z", "2104-02-28T23:59Z"),
    ).toEqual(["2104-02-28T23:00"]);
  });
});

/** A change of clocks in one zone. */
interface Change {
  readonly zone: string;
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

const [FIRST_DAY, LAST_DAY] = [Date.UTC(2020, 0, 1), Date.UTC(2030, 0, 1)];
const ZONES = Intl.supportedValuesOf("timeZone");

/** What a zone's clocks show, read field by field: another way than the one under test. */
function wallClock(zone: string): (unixMs: number) => number {
  const style = { dateStyle: "short", timeStyle: "medium" } as const;
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, ...style });
  return (unixMs) => Date.parse(`${format.format(unixMs).replace(" ", "T")}Z`);
}

function changesOf(zone: string): Change[] {
  const clock = wallClock(zone);
  const offset = (at: number) => clock(at) - at;
  const changes: Change[] = [];
  let before = offset(FIRST_DAY);
  for (let day = FIRST_DAY; day < LAST_DAY; day += 7 * DAY) {
    let [low, high] = [day, day + 7 * DAY];
    const after = offset(high);
    if (before === after) continue;
    while (high - low > MINUTE) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE) * MINUTE;
      if (offset(middle) === before) low = middle;
      else high = middle;
    }
    changes.push({ zone, at: high, before, after });
    before = after;
  }
  return changes;
}

const changes = ZONES.flatMap(changesOf);

/** The runs in [from, to] as the written rule has them, by looking at every minute around a change. */
function expectedRuns(schedule: Cron, change: Change, from: number, to: number): number[] {
  const named = new Set<number>();
  const offsets = [change.before, change.after];
  const lastLocal = to + Math.max(...offsets);
  let local = schedule.nextLocal(from - 4 * HOUR + Math.min(...offsets));
  while (local !== null && local <= lastLocal) {
    named.add(local);
    local = schedule.nextLocal(local);
  }

  const shown = new Set<number>();
  const found: number[] = [];
  for (let at = from - 4 * HOUR; at <= to; at += MINUTE) {
    const wall = at + (at < change.at ? change.before : change.after);
    let fires = named.has(wall) && (schedule.everyHour || !shown.has(wall));
    if (at === change.at && !schedule.everyHour) {
      for (let gap = at + change.before; gap < wall; gap += MINUTE) fires ||= named.has(gap);
    }
    shown.add(wall);
    if (fires && at >= from) found.push(at);
  }
  return found;
}

function schedulesAround({ zone, at, before, after }: Change): Cron[] {
  const wall = new Date(at + Math.min(before, after));
  const [hour, next] = [wall.getUTCHours(), (wall.getUTCHours() + 1) % 24];
  const date = `${wall.getUTCDate()} ${wall.getUTCMonth() + 1}`;
  return [
    "7-59/20 * * * *",
    `*/10 ${hour},${next} * * *`,
    `30 ${hour} ${date} *`,
    "0 */2 * * *",
  ].map((fields) => cron(`CRON_TZ=${zone} ${fields}`));
}

describe("03 §3 nextRun at changes of clocks", () => {
  it("keeps the written rule in every zone, at every change of ten years", () => {
    expect(ZONES.length).toBeGreaterThan(400);
    expect(changes.length).toBeGreaterThan(2_000);
    // Zones that change alike, at the same moment, are one case.
    const cases = new Map(changes.map((one) => [`${one.at} ${one.before} ${one.after}`, one]));
    for (const change of cases.values()) {
      const [from, to] = [change.at - 3 * HOUR, change.at + 4 * HOUR];
      for (const schedule of schedulesAround(change)) {
        expect(
          runs(schedule, from - 1, to),
          `${schedule.text} at ${new Date(change.at).toISOString()}`,
        ).toEqual(expectedRuns(schedule, change, from, to));
      }
    }
  });

  it("fires on each Sunday of ten years, once, in every zone", () => {
    const sundays = Array.from({ length: 522 }, (_, week) => Date.UTC(2020, 0, 5) + week * 7 * DAY);
    const calendars = new Map<string, string>();
    for (const zone of ZONES) {
      const own = changes.filter((change) => change.zone === zone);
      const offset = wallClock(zone)(FIRST_DAY) - FIRST_DAY;
      calendars.set(JSON.stringify([offset, own.map(({ at, after }) => [at, after])]), zone);
    }
    for (const zone of calendars.values()) {
      const clock = wallClock(zone);
      const fired = runs(cron(`CRON_TZ=${zone} 30 2 * * SUN`), FIRST_DAY, LAST_DAY);
      expect(
        fired.map((at) => Math.floor(clock(at) / DAY) * DAY),
        zone,
      ).toEqual(sundays);
    }
  });
});

/** Any field of a cron expression, written in any way that names numbers from `first` to `last`. */
function anyField(first: number, last: number): fc.Arbitrary<string> {
  const value = fc.integer({ min: first, max: last });
  const step = fc.integer({ min: 1, max: last });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const part = fc.oneof(
    value.map(String),
    range,
    step.map((every) => `*/${every}`),
    fc.tuple(fc.oneof(value, range), step).map(([from, every]) => `${from}/${every}`),
  );
  const list = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(","));
  return fc.oneof({ weight: 3, arbitrary: fc.constant("*") }, list);
}

/** Days are left open more often than not: a look at a few days would see little of the rest. */
const anyExpression = fc
  .tuple(
    anyField(0, 59),
    anyField(0, 23),
    fc.oneof(fc.constant("*"), anyField(1, 31)),
    fc.oneof(fc.constant("*"), anyField(1, 12)),
    anyField(0, 7),
  )
  .map((fields) => fields.join(" "));

/** The runs of a schedule in [from, to]; none when it is refused because no day ever matches it. */
function runsIfAny(text: string, from: number, to: number): number[] {
  const parsed = parseCron(text);
  if (parsed.kind === "cron") return runs(parsed, from - 1, to);
  expect(parsed.reason).toBe("no day ever matches it");
  return [];
}

describe("03 §3 any expression", () => {
  const anyMinute = fc
    .integer({ min: FIRST_DAY / MINUTE, max: LAST_DAY / MINUTE })
    .map((since1970) => since1970 * MINUTE);

  it("fires in UTC when a look at every minute says so", () => {
    fc.assert(
      fc.property(anyExpression, anyMinute, (text, from) => {
        const to = from + 2 * DAY;
        expect(runsIfAny(text, from, to), text).toEqual(ticksByLooking(text, from, to));
      }),
      { numRuns: 150 },
    );
  });

  it("fires in any zone when a look at every minute says so, mostly at a change of clocks", () => {
    const anywhere = fc.record({ zone: fc.constantFrom(...ZONES), at: anyMinute });
    const anyMoment = fc.oneof(
      { weight: 1, arbitrary: anywhere },
      { weight: 3, arbitrary: fc.constantFrom(...changes) },
    );
    fc.assert(
      fc.property(anyExpression, anyMoment, (expression, { zone, at }) => {
        const text = `CRON_TZ=${zone} ${expression}`;
        const [from, to] = [at - DAY / 2, at + DAY / 2];
        expect(runsIfAny(text, from, to), text).toEqual(ticksByLooking(text, from, to));
      }),
      { numRuns: 80 },
    );
  });
});

describe("03 §3 lastRun", () => {
  const texts = [
    "* * * * *",
    "* 9 * * 1-5",
    "0 0 1 * *",
    "CRON_TZ=Europe/Berlin 30 2 * * *",
    "CRON_TZ=Europe/Berlin 30 * * * *",
    "0 0 29 2 *",
  ];

  it("is the run after which there is no other up to the moment asked about", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...texts).map(cron),
        fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2036, 0, 1) }),
        fc.integer({ min: 0, max: 2000 * DAY }),
        (schedule, until, back) => {
          const since = until - back;
          const last = lastRun(schedule, since, until);
          const first = nextRun(schedule, since - 1);
          if (last === null) {
            expect(first === null || first > until).toBe(true);
          } else {
            expect(last).toBeGreaterThanOrEqual(since);
            expect(last).toBeLessThanOrEqual(until);
            expect(nextRun(schedule, last - 1)).toBe(last);
            expect(nextRun(schedule, last) ?? Infinity).toBeGreaterThan(until);
          }
        },
      ),
    );
  });
});
