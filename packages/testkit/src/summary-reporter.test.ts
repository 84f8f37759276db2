import { expect, test } from "vitest";

import { formatCounts } from "./summary-reporter.ts";

test("the summary is one line of three numbers", () => {
  expect(formatCounts({ passed: 3, failed: 0, skipped: 1 }, 0)).toBe(
    "3 passed, 0 failed, 1 skipped",
  );
  expect(formatCounts({ passed: 3, failed: 2, skipped: 0 }, 1)).toBe(
    "3 passed, 2 failed, 0 skipped",
  );
});

test("a red run never says 0 failed", () => {
  expect(formatCounts({ passed: 3, failed: 0, skipped: 0 }, 1)).toBe(
    "3 passed, 1 failed, 0 skipped",
  );
});
