import fc from "fast-check";
import { expect, test } from "vitest";

import { decodeUtf8, faultOfJson } from "./sound-json.ts";

const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

test("a document of some depth is sound; one that would exhaust the stack is not", () => {
  expect(faultOfJson(nested(100))).toBeNull();
  expect(faultOfJson(nested(102))).toBe("is nested deeper than 100 levels");
  expect(faultOfJson(JSON.parse(`${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`))).toContain(
    "nested",
  );
});

test("whatever a well-behaved client sends is sound", () => {
  expect.hasAssertions();
  fc.assert(
    fc.property(fc.json({ maxDepth: 20 }), (text) => {
      expect(faultOfJson(JSON.parse(text))).toBeNull();
    }),
  );
});

test("bytes that are not UTF-8 are no text", () => {
  expect(decodeUtf8(Buffer.from("é"))).toBe("é");
  expect(decodeUtf8(Buffer.from([0x22, 0xff, 0x22]))).toBeNull();
});
