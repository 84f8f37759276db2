import { describe, expect, test } from "vitest";

import { quantile, summarise } from "./statistics.ts";

describe("summarise", () => {
  test("tells least, middle and greatest, whatever the order", () => {
    expect(summarise([3, 1, 10])).toEqual({ min: 1, median: 3, max: 10 });
    expect(summarise([4, 1, 2, 3])).toEqual({ min: 1, median: 2.5, max: 4 });
  });
});

describe("quantile", () => {
  test("lies between two values in proportion", () => {
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.99)).toBeCloseTo(4.96);
  });

  test("of nothing is no number", () => {
    expect(quantile([], 0.5)).toBeNaN();
  });
});
