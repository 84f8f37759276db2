import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resetDelayMs } from "./reset-headers.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const DAY_MS = 86_400_000;
const NAMES = [
  "Retry-After",
  "X-Ratelimit-Reset",
  "X-Ratelimit-Reset-Requests",
  "X-Ratelimit-Reset-Tokens",
] as const;

const retryAfter = (value: string): number | null => resetDelayMs({ "Retry-After": [value] }, NOW);

describe("02 §3 resetDelayMs", () => {
  test.each([
    ["0", 0],
    ["120", 120_000],
    ["1.5", 1500],
    [" 7 ", 7000],
    ["86400", DAY_MS],
    ["0s", 0],
    ["6m5s", 365_000],
    ["1m30.951s", 90_951],
    ["1d", DAY_MS],
    ["23h59m59.999s", DAY_MS - 1],
    ["120ms", 120],
    ["1500us", 2],
    ["1500000ns", 2],
    ["2000\u00b5s", 2],
    ["2000\u03bcs", 2],
    ["2000\u00c2\u00b5s", 2],
    ["2000\u00ce\u00bcs", 2],
    ["1m1ms", 60_001],
    ["Tue, 24 Nov 2026 12:00:30 GMT", 30_000],
    ["Wed, 25 Nov 2026 12:00:00 GMT", DAY_MS],
    ["Mon, 24 Nov 2026 12:00:30 GMT", 30_000],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 0],
  ])("reads %j as a wait of %d ms", (value, delayMs) => {
    expect(retryAfter(value)).toBe(delayMs);
  });

  test.each([
    "",
    "soon",
    "-1",
    "+1",
    "1e3",
    ".5",
    "0x10",
    "Infinity",
    "1w",
    "5 s",
    "6m 5s",
    "6m5",
    "-5s",
    "1,5",
    "2026-11-24T12:00:30Z",
    "Tue, 24 Nov 2026 12:00:30 UTC",
    "Tue, 24 Nov 2026 12:00:30 +0100",
    "Tuesday, 24-Nov-26 12:00:30 GMT",
    "Sat, 31 Feb 2026 12:00:00 GMT",
    "Tue, 24 Nov 2026 12:00:60 GMT",
    "Tue, 24 Foo 2026 12:00:30 GMT",
  ])("cannot read %j", (value) => {
    expect(retryAfter(value)).toBeNull();
  });

  test.each(["86401", "86400.1", "1d1ms", "25h", "Wed, 25 Nov 2026 12:00:01 GMT", "9".repeat(400)])(
    "passes over %j, which is more than one day",
    (value) => {
      expect(retryAfter(value)).toBeNull();
    },
  );

  test("takes a unix time for what it would be as seconds: more than one day", () => {
    expect(resetDelayMs({ "X-Ratelimit-Reset": ["1795521630"] }, NOW)).toBeNull();
  });

  test("is silent when no header asks for anything", () => {
    expect(resetDelayMs({}, NOW)).toBeNull();
    expect(
      resetDelayMs({ Date: ["Tue, 24 Nov 2026 12:00:30 GMT"], "X-Other": ["5"] }, NOW),
    ).toBeNull();
  });

  test("believes the first usable header, and of a header the first usable value", () => {
    const value = fc.oneof(
      fc.nat(86_400).map((seconds) => ({ text: `${seconds}`, delayMs: seconds * 1000 })),
      fc.constantFrom("later", "86401", "").map((text) => ({ text, delayMs: null })),
    );
    const values = fc.tuple(...NAMES.map(() => fc.array(value, { maxLength: 3 })));
    fc.assert(
      fc.property(values, (given) => {
        const headers = Object.fromEntries(
          NAMES.map((name, index) => [
            name,
            (given[index] ?? []).map(({ text }) => text),
          ]).toReversed(),
        );
        const usable = given.flat().find(({ delayMs }) => delayMs !== null);
        expect(resetDelayMs(headers, NOW)).toBe(usable?.delayMs ?? null);
      }),
    );
  });

  test("is a whole number between none and one day, or nothing, for any value", () => {
    const value = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9.nuµmshd]*$/),
      fc.double().map(String),
    );
    fc.assert(
      fc.property(value, (text) => {
        const delayMs = retryAfter(text);
        const held =
          delayMs === null || (Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= DAY_MS);
        expect(held).toBe(true);
      }),
    );
  });
});
