import { expect, test } from "vitest";

import { renderTable } from "./table.ts";

test("shows least, middle and greatest, and whether the target is met", () => {
  const table = renderTable([
    { name: "a ÷ b", unit: "ratio", values: [1, 1.25, 1.5], target: { atLeast: 1.2 } },
    { name: "lateness", unit: "ms", values: [16, 20], target: { atMost: 15 } },
    { name: "plain", unit: "MB", values: [12] },
  ]);
  expect(table).toMatch(/^a ÷ b +1\.00 +1\.25 +1\.50 +ratio +≥ 1\.2 +ok$/m);
  expect(table).toMatch(/^lateness +16\.0 +18\.0 +20\.0 +ms +≤ 15 +MISSES$/m);
  expect(table).toMatch(/^plain +12\.0 +12\.0 +12\.0 +MB$/m);
});

test("prints no figure of rounds that differ too much", () => {
  const table = renderTable([{ name: "a ÷ b", unit: "ratio", values: [1, 3] }]);
  expect(table).toMatch(/^a ÷ b +ratio +runs differ too much: 1\.00 to 3\.00$/m);
});
