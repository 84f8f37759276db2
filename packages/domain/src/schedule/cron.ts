import { CronDate, CronPattern } from "croner";

import { findTimeZone, UTC, type TimeZone } from "./time-zone.ts";

/** When a schedule fires, ready to be worked out by `nextRun`. */
export interface Cron {
  readonly kind: "cron";
  /** As given, without the blanks around it. */
  readonly text: string;
  /** The five fields alone. */
  readonly expression: string;
  readonly timeZone: TimeZone;
  /** It fires in every hour of the day, and so follows real time when clocks change. */
  readonly everyHour: boolean;
  /**
   * The first local time after another one that the five fields name, or null when there is none.
   * Local times are milliseconds, written as if they were UTC.
   */
  readonly nextLocal: (afterLocalMs: number) => number | null;
}

/** Why a text is not a cron expression, in words that name the offending part. */
export interface CronError {
  readonly kind: "invalid";
  readonly reason: string;
}

const FIELDS = ["minute", "hour", "day of month", "month", "day of week"] as const;
const ZONE = /^CRON_TZ=(\S*)\s+(.*)$/s;
const MAX_LENGTH = 256;
/** Whatever can happen happens within the 400 years after which the calendar repeats. */
const LONG_AGO = Date.UTC(2000, 0, 1) - 1;
const UTC_OFFSET = 0;
const MODE = { mode: "5-part", sloppyRanges: true } as const;

/**
 * Reads `[CRON_TZ=<IANA name> ]<minute> <hour> <day of month> <month> <day of week>`: five fields,
 * UTC unless a zone is named. Ranges, lists, steps and English names as in Vixie cron, and its rule
 * that a day matches when either day field does, if both are restricted; also `L`, `W` and `#`. An
 * expression that no day can ever match is refused. Contract 03 §3.
 */
export function parseCron(given: string): Cron | CronError {
  const text = given.trim();
  if (text.length > MAX_LENGTH) return invalid(`it is longer than ${MAX_LENGTH} characters`);
  const [, zoneName, afterZone] = ZONE.exec(text) ?? [];
  const expression = afterZone ?? text;
  const timeZone = zoneName === undefined ? UTC : findTimeZone(zoneName);
  if (timeZone === null) return invalid(`the time zone ${JSON.stringify(zoneName)} is unknown`);

  const fields = expression.split(/\s+/).filter((field) => field !== "");
  if (fields.length !== FIELDS.length) {
    const instead = insteadOf(fields);
    if (instead !== null) return invalid(instead);
    return invalid(`it has ${fields.length} fields instead of five`);
  }
  const pattern = patternOf(fields);
  if (pattern === null) {
    const wrong = fields.findIndex((_, index) => patternOf(alone(fields, index)) === null);
    return invalid(`its ${FIELDS[wrong]} is ${JSON.stringify(fields[wrong])}`);
  }
  const everyHour = pattern.hour.every((named) => named !== 0);
  const nextLocal = (afterLocalMs: number) =>
    new CronDate(new Date(afterLocalMs), UTC_OFFSET).increment(pattern, {}, false)?.getTime() ??
    null;
  if (nextLocal(LONG_AGO) === null) return invalid("no day ever matches it");
  return { kind: "cron", text, expression, timeZone, everyHour, nextLocal };
}

const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const OTHER_ZONE = /^(?:TZ|CRON_TZ|TIMEZONE)\s*=\s*["']?([^"'\s]*)["']?/i;

/** What to write where other crons know more than five fields; null when nothing of the kind was meant. */
function insteadOf(fields: readonly string[]): string | null {
  const [first = ""] = fields;
  const nickname = NICKNAMES[first.toLowerCase()];
  if (nickname !== undefined) {
    return `${JSON.stringify(first)} is a nickname, write its five fields: "${nickname}"`;
  }
  if (first.startsWith("@")) {
    return `${JSON.stringify(first)} is no time of five fields, such as "*/5 * * * *" for every five minutes`;
  }
  const zone = OTHER_ZONE.exec(fields.join(" "));
  if (zone !== null && !first.startsWith("CRON_TZ=")) {
    const five = `"CRON_TZ=${zone[1] || "Europe/Berlin"} 0 9 * * *"`;
    return `a time zone stands in front of the five fields as in ${five}, not as ${JSON.stringify(first)}`;
  }
  if (fields.length !== FIELDS.length + 1) return null;
  return "it has 6 fields instead of five: there is none for seconds or years";
}

/** Null when a field is wrong. */
function patternOf(fields: readonly string[]): CronPattern | null {
  if (!fields.every(isPlausible)) return null;
  try {
    const pattern = new CronPattern(fields.join(" "), undefined, MODE);
    // Without a field for years every pattern has all of them: one list for all saves 80 KB each.
    everyYear ??= pattern.year;
    pattern.year = everyYear;
    return pattern;
  } catch {
    return null;
  }
}

let everyYear: number[] | undefined;

/** Keeps out what the parser would take for something else: nicknames, and a step from nowhere. */
function isPlausible(field: string): boolean {
  return /^[\w*?,#+/-]+$/.test(field) && !/(^|,)\//.test(field);
}

/** One field among wildcards, to see whether it is the wrong one. */
function alone(fields: readonly string[], index: number): readonly string[] {
  return fields.map((field, place) => (place === index ? field : "*"));
}

function invalid(reason: string): CronError {
  return { kind: "invalid", reason };
}
