import { utcDay, utcDayText } from "./utc-day.ts";

/** The most days of keeping that fit the twelve bits an id has for them. */
export const MAX_KEEP_DAYS = 0xfff;

const MAX_TIME_MS = 2 ** 48 - 1;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

/**
 * The id of a message: a uuidv7 whose twelve bits after the version say how many days after the
 * id's own UTC day the message expires, so that an id alone names the partition it is in.
 * `random` is eight fresh random bytes or more. Throws RangeError when an input does not fit.
 */
export function makeMessageId(input: {
  readonly unixMs: number;
  readonly keepDays: number;
  readonly random: Uint8Array;
}): string {
  const { unixMs, keepDays, random } = input;
  if (!Number.isInteger(keepDays) || keepDays < 0 || keepDays > MAX_KEEP_DAYS) {
    throw new RangeError(`keepDays must be an integer from 0 to ${MAX_KEEP_DAYS}, not ${keepDays}`);
  }
  return formatUuidV7(unixMs, keepDays, random, 0);
}

/** A plain uuidv7. `random` is ten fresh random bytes or more. Throws RangeError when an input does not fit. */
export function makeUuidV7(input: {
  readonly unixMs: number;
  readonly random: Uint8Array;
}): string {
  const { unixMs, random } = input;
  const twelveBits = (((random[0] ?? 0) << 8) | (random[1] ?? 0)) & 0xfff;
  return formatUuidV7(unixMs, twelveBits, random, 2);
}

/** Unix milliseconds at which a uuidv7 was made. */
export function uuidTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** Unix milliseconds at which a message was accepted. */
export function messageIdTime(id: string): number {
  return uuidTime(id);
}

/** `YYYY-MM-DD`, UTC: the day after which nothing can need the message. */
export function messageExpiryDay(id: string): string {
  const keepDays = Number.parseInt(id.slice(15, 18), 16);
  return utcDayText(utcDay(uuidTime(id)) + keepDays);
}

/** Whether a text is a uuid as ours are written: lower case, with dashes. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** `random` holds eight bytes from `start` on. Written out: a loop over bytes took half as long again. */
function formatUuidV7(
  unixMs: number,
  twelveBits: number,
  random: Uint8Array,
  start: number,
): string {
  if (!Number.isInteger(unixMs) || unixMs < 0 || unixMs > MAX_TIME_MS) {
    throw new RangeError(`unixMs must be an integer from 0 to ${MAX_TIME_MS}, not ${unixMs}`);
  }
  if (random.length < start + 8) {
    throw new RangeError(`random must hold ${start + 8} bytes, not ${random.length}`);
  }
  const timeHigh = Math.floor(unixMs / 2 ** 32);
  const timeLow = unixMs % 2 ** 32;
  const randomByte = (index: number): number => random[start + index] ?? 0;
  return (
    hex(timeHigh >>> 8) +
    hex(timeHigh) +
    hex(timeLow >>> 24) +
    hex(timeLow >>> 16) +
    "-" +
    hex(timeLow >>> 8) +
    hex(timeLow) +
    "-" +
    hex(0x70 | (twelveBits >>> 8)) +
    hex(twelveBits) +
    "-" +
    hex(0x80 | (randomByte(0) & 0x3f)) +
    hex(randomByte(1)) +
    "-" +
    hex(randomByte(2)) +
    hex(randomByte(3)) +
    hex(randomByte(4)) +
    hex(randomByte(5)) +
    hex(randomByte(6)) +
    hex(randomByte(7))
  );
}

/** Two digits of the lowest eight bits; the table holds every byte, so a lookup never misses. */
function hex(number: number): string {
  return HEX[number & 0xff] ?? "";
}
