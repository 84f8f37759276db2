/** A time zone, as far as cron needs it: how far its clocks are ahead of UTC. */
export interface TimeZone {
  readonly name: string;
  /** Milliseconds to add to a moment (unix milliseconds) for what the zone's clocks show then. */
  readonly offsetAt: (unixMs: number) => number;
}

const DAY_MS = 86_400_000;
/** No two changes of one zone's clocks lie within a week; a longer stretch is looked at in pieces. */
const STRIDE_MS = 7 * DAY_MS;
const NAME = /^[A-Za-z][A-Za-z0-9_+/-]*$/;
const OFFSET = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/;

export const UTC: TimeZone = { name: "UTC", offsetAt: () => 0 };

/** Making a zone costs a hundred times what asking it does. Holds real names only, so it stays small. */
const known = new Map<string, TimeZone>([["utc", UTC]]);

/** The zone of an IANA name, in any case, or null when there is none. */
export function findTimeZone(name: string): TimeZone | null {
  const key = name.toLowerCase();
  const found = known.get(key) ?? (NAME.test(name) ? makeTimeZone(name) : null);
  if (found !== null) known.set(key, found);
  return found;
}

/**
 * The first moment after `fromMs`, and not after `toMs`, at which the zone's clocks show another
 * offset than at `fromMs`; null when they run on undisturbed.
 */
export function findOffsetChange(zone: TimeZone, fromMs: number, toMs: number): number | null {
  const offset = zone.offsetAt(fromMs);
  for (let before = fromMs; before < toMs; before += STRIDE_MS) {
    const after = Math.min(before + STRIDE_MS, toMs);
    if (zone.offsetAt(after) !== offset) return bisectChange(zone, before, after);
  }
  return null;
}

/**
 * The moment at which the zone's clocks first show a local time (milliseconds, written as if it were
 * UTC). A time that they show twice is taken at its first showing; one that they skip, at the first
 * moment after the gap.
 */
export function firstMomentOf(zone: TimeZone, localMs: number): number {
  const earlier = zone.offsetAt(localMs - DAY_MS);
  const later = zone.offsetAt(localMs + DAY_MS);
  const byEarlier = localMs - earlier;
  if (earlier === later || zone.offsetAt(byEarlier) === earlier) return byEarlier;
  const byLater = localMs - later;
  if (zone.offsetAt(byLater) === later) return byLater;
  return bisectChange(zone, byLater, byEarlier);
}

/** `before` and `after` lie on either side of one change; the answer is its first millisecond. */
function bisectChange(zone: TimeZone, before: number, after: number): number {
  const offset = zone.offsetAt(before);
  let low = before;
  let high = after;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zone.offsetAt(middle) === offset) low = middle;
    else high = middle;
  }
  return high;
}

function makeTimeZone(name: string): TimeZone | null {
  try {
    const format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
    return { name, offsetAt: (unixMs) => readOffset(format.format(unixMs)) };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Milliseconds of a text that ends in `GMT`, `GMT+01:00` or `GMT-00:44:30`. */
function readOffset(text: string): number {
  const match = OFFSET.exec(text);
  if (match === null) throw new Error(`no offset in ${JSON.stringify(text)}`);
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = match;
  const offset = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === "-" ? -offset : offset;
}
