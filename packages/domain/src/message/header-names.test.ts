import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalHeaderName } from "./header-names.ts";

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,30}$/);

describe("00 §7 canonicalHeaderName", () => {
  test.each([
    ["x-my-header", "X-My-Header"],
    ["CONTENT-TYPE", "Content-Type"],
    ["Content-Type", "Content-Type"],
    ["etag", "Etag"],
    ["X-RateLimit-Reset", "X-Ratelimit-Reset"],
    ["uSER-aGENT", "User-Agent"],
    ["x--a-", "X--A-"],
    ["-a", "-A"],
    ["x_y.z-b", "X_y.z-B"],
    ["1abc-2d", "1abc-2d"],
    ["a1b-c", "A1b-C"],
  ])("writes %s as %s", (name, canonical) => {
    expect(canonicalHeaderName(name)).toBe(canonical);
  });

  test.each(["", "a b", "föö", "x:y", "x\r\ny", "key\u212A"])(
    "leaves %j alone: it is no header name",
    (name) => {
      expect(canonicalHeaderName(name)).toBe(name);
    },
  );

  test("depends on nothing but the letters, not on their case", () => {
    fc.assert(
      fc.property(token, (name) => {
        const canonical = canonicalHeaderName(name);
        expect(canonical.toLowerCase()).toBe(name.toLowerCase());
        expect(canonicalHeaderName(name.toLowerCase())).toBe(canonical);
        expect(canonicalHeaderName(name.toUpperCase())).toBe(canonical);
        expect(canonicalHeaderName(canonical)).toBe(canonical);
      }),
    );
  });

  test("has a capital exactly where a word begins", () => {
    fc.assert(
      fc.property(token, (name) => {
        for (const word of canonicalHeaderName(name).split("-")) {
          expect(word).toBe(word.charAt(0).toUpperCase() + word.slice(1).toLowerCase());
        }
      }),
    );
  });
});
