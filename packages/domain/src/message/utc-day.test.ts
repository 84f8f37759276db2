import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utcDay, utcDayText } from "./utc-day.ts";

describe("utcDay", () => {
  test.each([
    ["1970-01-01T00:00:00.000Z", 0],
    ["1970-01-01T23:59:59.999Z", 0],
    ["1970-01-02T00:00:00.000Z", 1],
    ["1969-12-31T23:59:59.999Z", -1],
  ])("of %s is %d", (moment, day) => {
    expect(utcDay(Date.parse(moment))).toBe(day);
  });
});

describe("utcDayText", () => {
  test("writes the day that a moment lies in", () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }),
        (date) => {
          expect(utcDayText(utcDay(date.getTime()))).toBe(date.toISOString().slice(0, 10));
        },
      ),
    );
  });

  test("writes years of five digits without a sign", () => {
    expect(utcDayText(2_932_896)).toBe("9999-12-31");
    expect(utcDayText(2_932_897)).toBe("10000-01-01");
  });
});
