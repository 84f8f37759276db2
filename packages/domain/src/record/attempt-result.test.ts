import { describe, expect, test } from "vitest";
import { isDelivered } from "./attempt-result.ts";

describe("02 §2 isDelivered", () => {
  test.each([
    [100, false],
    [199, false],
    [200, true],
    [204, true],
    [299, true],
    [300, false],
    [404, false],
    [489, false],
    [503, false],
  ])("an answer of %d: %s", (status, delivered) => {
    expect(isDelivered({ kind: "response", status, headers: {}, body: Buffer.alloc(0) })).toBe(
      delivered,
    );
  });

  test("no answer delivers nothing", () => {
    expect(isDelivered({ kind: "failure", code: "timeout", error: "no answer" })).toBe(false);
  });
});
