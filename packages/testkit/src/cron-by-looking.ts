/** A second opinion on schedules: slow, obvious, and sharing nothing with what it judges. */

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
/** Clocks are watched this long before the first tick asked for, to know what they have shown already. */
const WATCHED_BEFORE_MS = 2 * DAY_MS;
const MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const DAYS = "SUN MON TUE WED THU FRI SAT".split(" ");

/**
 * Every tick in [fromMs, toMs] of `[CRON_TZ=<zone> ]<five fields>`, found by looking at each minute:
 * a schedule fires when the zone's clocks show what it names. One that names hours fires for each
 * local time once: at its first showing, or at the first minute after it was skipped. Knows lists,
 * ranges, steps and names, and no `L`, `W` or `#`. Unix milliseconds.
 */
export function ticksByLooking(cron: string, fromMs: number, toMs: number): readonly number[] {
  const [, zone = "UTC", fields = ""] = /^(?:CRON_TZ=(\S+) )?(.*)$/.exec(cron) ?? [];
  const { isNamed, inEveryHour } = readFields(fields);
  const firstMs = Math.ceil(fromMs / MINUTE_MS) * MINUTE_MS;
  const ticks: number[] = [];
  let at = firstMs - WATCHED_BEFORE_MS;
  let latestShown = wallClock(zone, at);
  for (at += MINUTE_MS; at <= toMs; at += MINUTE_MS) {
    const shown = wallClock(zone, at);
    const fires = inEveryHour ? isNamed(shown) : minutesIn(latestShown, shown).some(isNamed);
    latestShown = Math.max(latestShown, shown);
    if (fires && at >= firstMs) ticks.push(at);
  }
  return ticks;
}

/** The local times in (after, upTo]: one as a rule, none while clocks repeat themselves, many in a gap. */
function minutesIn(after: number, upTo: number): readonly number[] {
  const count = Math.max(0, (upTo - after) / MINUTE_MS);
  return Array.from({ length: count }, (_, place) => after + (place + 1) * MINUTE_MS);
}

/** Whether five fields name a local time, which is written as if it were UTC. */
function readFields(fields: string) {
  const [minutes = "", hours = "", monthDays = "", months = "", weekDays = ""] = fields.split(" ");
  const minute = valuesOf(minutes, 0, 59);
  const hour = valuesOf(hours, 0, 23);
  const monthDay = valuesOf(monthDays, 1, 31);
  const month = valuesOf(months, 1, 12, ["", ...MONTHS]);
  const weekDay = valuesOf(weekDays, 0, 6, DAYS);
  // Sunday has two numbers; an open-ended step stops before the second.
  if (weekDay.has(7)) weekDay.add(0);
  const eitherDay = monthDays !== "*" && weekDays !== "*";

  const isNamed = (localMs: number): boolean => {
    const wall = new Date(localMs);
    if (!minute.has(wall.getUTCMinutes()) || !hour.has(wall.getUTCHours())) return false;
    if (!month.has(wall.getUTCMonth() + 1)) return false;
    const byMonth = monthDay.has(wall.getUTCDate());
    const byWeek = weekDay.has(wall.getUTCDay());
    return eitherDay ? byMonth || byWeek : byMonth && byWeek;
  };
  return { isNamed, inEveryHour: hour.size === 24 };
}

function valuesOf(
  field: string,
  first: number,
  last: number,
  names: readonly string[] = [],
): Set<number> {
  const numberOf = (text: string) => (/^\d+$/.test(text) ? Number(text) : names.indexOf(text));
  const values = new Set<number>();
  for (const part of field.split(",")) {
    const [range = "", step] = part.split("/");
    const [low = "", high] = range === "*" ? [String(first), String(last)] : range.split("-");
    const end = high ?? (step === undefined ? low : String(last));
    for (let value = numberOf(low); value <= numberOf(end); value += Number(step ?? 1)) {
      values.add(value);
    }
  }
  return values;
}

interface Clock {
  readonly format: Intl.DateTimeFormat;
  /** What was read before, by moment: reading is what takes the time. */
  readonly read: Map<number, number>;
}

const clocks = new Map<string, Clock>();

/** What the zone's clocks show at a moment, written as if it were UTC. */
function wallClock(zone: string, atMs: number): number {
  if (zone === "UTC") return atMs;
  const clock = clocks.get(zone) ?? newClock(zone);
  const known = clock.read.get(atMs);
  if (known !== undefined) return known;
  const shown = Date.parse(`${clock.format.format(atMs).replace(" ", "T")}Z`);
  clock.read.set(atMs, shown);
  return shown;
}

function newClock(zone: string): Clock {
  const style = { dateStyle: "short", timeStyle: "short" } as const;
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, ...style });
  const clock = { format, read: new Map<number, number>() };
  clocks.set(zone, clock);
  return clock;
}
