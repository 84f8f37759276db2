import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isUuid,
  makeMessageId,
  makeUuidV7,
  messageExpiryDay,
  messageIdTime,
  uuidTime,
} from "./message-id.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const DAY_MS = 86_400_000;

const time = fc.nat({ max: 2 ** 48 - 1 });
const keepDays = fc.nat({ max: 4095 });
const random = fc.uint8Array({ minLength: 10, maxLength: 16 });

describe("makeMessageId", () => {
  test("lays out time, days of keeping and randomness as the uuidv7 format has them", () => {
    const bytes = Uint8Array.of(0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07);
    const id = makeMessageId({ unixMs: 0x0123456789ab, keepDays: 0xcde, random: bytes });
    expect(id).toBe("01234567-89ab-7cde-bf01-020304050607");
  });

  test("gives back the time and the day of expiry", () => {
    fc.assert(
      fc.property(time, keepDays, random, (unixMs, days, bytes) => {
        const id = makeMessageId({ unixMs, keepDays: days, random: bytes });
        expect(id).toMatch(UUID_V7);
        expect(messageIdTime(id)).toBe(unixMs);
      }),
    );
    const thisEra = fc.nat({ max: Date.parse("9980-01-01") });
    fc.assert(
      fc.property(thisEra, keepDays, random, (unixMs, days, bytes) => {
        const id = makeMessageId({ unixMs, keepDays: days, random: bytes });
        const expiry = new Date(unixMs + days * DAY_MS);
        expect(messageExpiryDay(id)).toBe(expiry.toISOString().slice(0, 10));
      }),
    );
  });

  test("counts the days from the UTC day of creation, however late on that day", () => {
    const bytes = new Uint8Array(8);
    for (const clock of ["2028-02-27T00:00:00.000Z", "2028-02-27T23:59:59.999Z"]) {
      const id = makeMessageId({ unixMs: Date.parse(clock), keepDays: 2, random: bytes });
      expect(messageExpiryDay(id)).toBe("2028-02-29");
    }
  });

  test("sorts as text by time", () => {
    fc.assert(
      fc.property(time, time, keepDays, random, (a, b, days, bytes) => {
        fc.pre(a < b);
        const earlier = makeMessageId({ unixMs: a, keepDays: days, random: bytes });
        const later = makeMessageId({ unixMs: b, keepDays: 0, random: new Uint8Array(8) });
        expect(earlier < later).toBe(true);
      }),
    );
  });

  test("differs whenever the 62 random bits differ", () => {
    fc.assert(
      fc.property(fc.nat({ max: 61 }), random, (bit, bytes) => {
        const other = Uint8Array.from(bytes);
        const place = bit < 6 ? 0 : 1 + Math.floor((bit - 6) / 8);
        other[place] = (other[place] ?? 0) ^ (1 << (bit < 6 ? bit : (bit - 6) % 8));
        const input = { unixMs: 1, keepDays: 1 };
        expect(makeMessageId({ ...input, random: other })).not.toBe(
          makeMessageId({ ...input, random: bytes }),
        );
      }),
    );
  });

  test.each([
    { unixMs: -1, keepDays: 1, bytes: 8 },
    { unixMs: 2 ** 48, keepDays: 1, bytes: 8 },
    { unixMs: 1.5, keepDays: 1, bytes: 8 },
    { unixMs: Number.NaN, keepDays: 1, bytes: 8 },
    { unixMs: 1, keepDays: -1, bytes: 8 },
    { unixMs: 1, keepDays: 4096, bytes: 8 },
    { unixMs: 1, keepDays: 0.5, bytes: 8 },
    { unixMs: 1, keepDays: 1, bytes: 7 },
  ])("makes no id of $unixMs ms, $keepDays days and $bytes random bytes", ({ bytes, ...input }) => {
    expect(() => makeMessageId({ ...input, random: new Uint8Array(bytes) })).toThrow(RangeError);
  });
});

describe("messageExpiryDay", () => {
  test("is a date that Postgres reads even for an id nobody was ever given", () => {
    expect(messageExpiryDay("ffffffff-ffff-7fff-bfff-ffffffffffff")).toBe("10900-10-19");
    expect(messageExpiryDay("00000000-0000-7000-8000-000000000000")).toBe("1970-01-01");
  });
});

describe("makeUuidV7", () => {
  test("lays out time and randomness as the uuidv7 format has them", () => {
    const bytes = Uint8Array.of(0xfa, 0xbc, 0x40, 1, 2, 3, 4, 5, 6, 7);
    expect(makeUuidV7({ unixMs: 0x0123456789ab, random: bytes })).toBe(
      "01234567-89ab-7abc-8001-020304050607",
    );
  });

  test("gives back its time", () => {
    fc.assert(
      fc.property(time, random, (unixMs, bytes) => {
        const id = makeUuidV7({ unixMs, random: bytes });
        expect(id).toMatch(UUID_V7);
        expect(isUuid(id)).toBe(true);
        expect(uuidTime(id)).toBe(unixMs);
      }),
    );
  });

  test("refuses fewer than ten random bytes", () => {
    expect(() => makeUuidV7({ unixMs: 1, random: new Uint8Array(9) })).toThrow(RangeError);
  });
});

describe("isUuid", () => {
  test.each([
    "",
    "01234567-89ab-7abc-8001-02030405060",
    "01234567-89ab-7abc-8001-0203040506077",
    "01234567-89AB-7abc-8001-020304050607",
    "0123456789ab7abc8001020304050607",
    "{01234567-89ab-7abc-8001-020304050607}",
    "01234567-89ab-7abc-8001-020304050607\n",
    "0123456g-89ab-7abc-8001-020304050607",
  ])("says no to %j", (text) => {
    expect(isUuid(text)).toBe(false);
  });
});
