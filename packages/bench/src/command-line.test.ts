import { expect, test } from "vitest";

import { wholeNumber } from "./command-line.ts";

const bounds = { byDefault: 7, atLeast: 1 };

test("a whole number is taken, and the default where there is none", () => {
  expect(wholeNumber("seeds", "20", bounds)).toBe(20);
  expect(wholeNumber("seeds", undefined, bounds)).toBe(7);
});

test.each(["x", "", "-1", "1.5", "0", "1e3", "12345678901"])(
  "%j is refused by its name",
  (text) => {
    expect(() => wholeNumber("seeds", text, bounds)).toThrow(
      `--seeds must be a whole number from 1 on, not "${text}"`,
    );
  },
);
