import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultBackoffMs, expressionBackoffMs } from "./backoff.ts";
import type { RetryDelayExpression } from "./retry-delay-expression.ts";

const DAY_MS = 86_400_000;

const giving = (result: number): RetryDelayExpression => ({
  kind: "expression",
  evaluate: () => result,
});

describe("02 §3 defaultBackoffMs", () => {
  test.each([
    [1, 12],
    [2, 2 * 60 + 28],
    [3, 30 * 60 + 8],
    [4, 6 * 3600 + 7 * 60 + 6],
    [5, 24 * 3600],
    [6, 24 * 3600],
    [1000, 24 * 3600],
  ])("waits before retry %d for %d seconds", (retry, seconds) => {
    expect(defaultBackoffMs(retry)).toBe(seconds * 1000);
  });

  test("never shrinks and never passes one day", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), (retry) => {
        expect(defaultBackoffMs(retry + 1)).toBeGreaterThanOrEqual(defaultBackoffMs(retry));
        expect(defaultBackoffMs(retry)).toBeLessThanOrEqual(DAY_MS);
      }),
    );
  });
});

describe("01 §4 expressionBackoffMs", () => {
  test("hands the number of retries so far to the expression", () => {
    const expression: RetryDelayExpression = { kind: "expression", evaluate: (n) => 1000 * n };
    expect(expressionBackoffMs(expression, 3)).toBe(3000);
  });

  test.each([
    [-1, 0],
    [-1e300, 0],
    [0, 0],
    [0.4, 0],
    [1499.6, 1500],
    [DAY_MS, DAY_MS],
    [DAY_MS + 1, DAY_MS],
    [1e300, DAY_MS],
  ])("holds a result of %d ms at %d", (result, expected) => {
    expect(expressionBackoffMs(giving(result), 0)).toBe(expected);
  });

  test.each([Number.NaN, Infinity, -Infinity])("falls back to the default on %d", (result) => {
    expect(expressionBackoffMs(giving(result), 0)).toBe(12_000);
    expect(expressionBackoffMs(giving(result), 3)).toBe(defaultBackoffMs(4));
  });

  test("is a whole number between none and one day, whatever the result", () => {
    const anyNumber = fc.oneof(fc.double(), fc.double({ min: -1e9, max: 1e9 }));
    fc.assert(
      fc.property(anyNumber, fc.nat(1000), (result, retried) => {
        const delayMs = expressionBackoffMs(giving(result), retried);
        expect(Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= DAY_MS).toBe(true);
      }),
    );
  });
});
