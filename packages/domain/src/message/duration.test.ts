import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { durationText, parseDuration } from "./duration.ts";

const UNITS = [
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
] as const;

describe("00 §7 parseDuration", () => {
  test.each([
    ["50s", 50_000],
    ["30", 30_000],
    ["1d10h30m", 124_200_000],
    ["10d", 864_000_000],
    ["30m1d", 88_200_000],
    ["1s1s", 2000],
    ["0", 0],
    ["007s", 7000],
    ["  5m\t", 300_000],
    ["9007199254740s", 9_007_199_254_740_000],
  ])("reads %j as %d ms", (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  test.each([
    "",
    "  ",
    "s",
    "-1",
    "+1s",
    "1.5s",
    "1e3",
    "5 s",
    "1h 5m",
    "1ms",
    "1w",
    "1S",
    "1h30",
    "30 1h",
    "٣s",
    "0x10",
    "Infinity",
  ])("refuses %j", (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  test.each(["9007199254741s", "9".repeat(400), `${"9".repeat(400)}d`, "999999999999999d1s"])(
    "takes %j for the longest there can be",
    (text) => {
      expect(parseDuration(text)).toBe(Number.MAX_SAFE_INTEGER);
    },
  );

  test("is the sum of its parts, whatever their order", () => {
    const part = fc.tuple(fc.nat(100_000), fc.constantFrom(...UNITS));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1 }), (parts) => {
        const text = parts.map(([count, [unit]]) => `${count}${unit}`).join("");
        const expected = parts.reduce((sum, [count, [, unitMs]]) => sum + count * unitMs, 0);
        expect(parseDuration(text)).toBe(expected);
      }),
    );
  });

  test("gives a safe, non-negative integer or nothing for any text", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9smhd. ]*$/));
    fc.assert(
      fc.property(text, (anything) => {
        const parsed = parseDuration(anything);
        expect(parsed === null || (Number.isSafeInteger(parsed) && parsed >= 0)).toBe(true);
      }),
    );
  });
});

describe("00 §7 durationText", () => {
  test.each([
    [31_536_000_000, "365d"],
    [7_200_000, "2h"],
    [124_200_000, "1d10h30m"],
    [61_000, "1m1s"],
    [1500, "1s500ms"],
    [0, "0ms"],
  ])("tells %d ms as %s", (durationMs, text) => {
    expect(durationText(durationMs)).toBe(text);
  });

  test("tells whole seconds as they are read", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (seconds) => {
        expect(parseDuration(durationText(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });
});
