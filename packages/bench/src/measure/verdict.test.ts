import { expect, test } from "vitest";

import { judge } from "./verdict.ts";

const row = { name: "a ÷ b", unit: "ratio" } as const;

test("rounds that differ too much claim no ratio", () => {
  expect(judge({ ...row, values: [1, 1.7] })).toEqual({
    kind: "refused",
    reason: "runs differ too much: 1.00 to 1.70",
  });
});

test("a figure without a single round claims nothing", () => {
  expect(judge({ ...row, values: [] }).kind).toBe("refused");
  expect(judge({ ...row, values: [1, Number.NaN] }).kind).toBe("refused");
});

test("the median is held against the target", () => {
  const values = [0.9, 1, 1.2];
  const meets = (target: { atLeast: number } | { atMost: number }) =>
    judge({ ...row, values, target });
  expect(meets({ atLeast: 1 })).toMatchObject({ meets: true });
  expect(meets({ atLeast: 1.1 })).toMatchObject({ meets: false });
  expect(meets({ atMost: 1 })).toMatchObject({ meets: true });
  expect(meets({ atMost: 0.95 })).toMatchObject({ meets: false });
  expect(judge({ ...row, values })).toMatchObject({ meets: null });
});
