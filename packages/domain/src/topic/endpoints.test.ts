import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { addEndpoints, removeEndpoints } from "./endpoints.ts";
import type { Endpoint } from "./topic.ts";

const A = { url: "https://a.test/" };
const B = { url: "https://b.test/" };
const C = { url: "https://c.test/" };
const one = <T extends object>(endpoint: T) => ({ ...endpoint, name: "one" });
const two = <T extends object>(endpoint: T) => ({ ...endpoint, name: "two" });

/** Few enough names and URLs that they meet. */
const endpoints = fc.array(
  fc.record(
    {
      url: fc.constantFrom("https://a.test/", "https://b.test/", "https://c.test/"),
      name: fc.constantFrom("one", "two", "three"),
    },
    { requiredKeys: ["url"] },
  ),
  { maxLength: 12 },
);

describe("03 §4 endpoints that are added", () => {
  test.each<[string, Endpoint[], Endpoint[], Endpoint[]]>([
    ["are appended in order", [A], [C, B], [A, C, B]],
    ["replace the one of their name", [one(A), B], [one(C)], [one(C), B]],
    ["replace the one of their URL when none has their name", [A, B], [two(A)], [two(A), B]],
    ["are matched by name first", [one(A), B], [one(B)], [one(B), B]],
    ["without a name leave the name that is there", [one(A)], [A], [one(A)]],
    ["twice at once are there once", [], [one(A), one(B), B], [one(B)]],
  ])("%s", (_, existing, added, expected) => {
    expect(addEndpoints(existing, added)).toEqual(expected);
  });

  test("no name is there twice, and adding the same again changes nothing", () => {
    fc.assert(
      fc.property(endpoints, endpoints, (existing, added) => {
        const before = addEndpoints([], existing);
        const after = addEndpoints(before, added);
        const names = after.flatMap(({ name }) => name ?? []);
        expect(new Set(names).size).toBe(names.length);
        expect(addEndpoints(after, after)).toEqual(after);
        for (const { url } of added.slice(-1)) expect(after.map((each) => each.url)).toContain(url);
        expect(after.length).toBeGreaterThanOrEqual(before.length);
      }),
    );
  });
});

describe("03 §4 endpoints that are removed", () => {
  test.each<[string, Endpoint[], { url?: string; name?: string }[], Endpoint[]]>([
    ["by name", [one(A), two(B)], [{ name: "one" }], [two(B)]],
    ["by URL", [one(A), two(B)], [A], [two(B)]],
    ["by both, when both are right", [one(A), two(B)], [one(A), two(C)], [two(B)]],
    ["that are not there change nothing", [one(A)], [{ name: "two" }, C], [one(A)]],
    ["all of them", [one(A), B], [A, B], []],
    ["but not by saying nothing", [A], [{}], [A]],
  ])("%s", (_, existing, removed, expected) => {
    expect(removeEndpoints(existing, removed)).toEqual(expected);
  });

  test("what is left is in its order, and nothing that was meant is left", () => {
    fc.assert(
      fc.property(endpoints, endpoints, (existing, removed) => {
        const left = removeEndpoints(existing, removed);
        expect(existing.filter((each) => left.includes(each))).toEqual(left);
        expect(removeEndpoints(left, removed)).toEqual(left);
        expect(removeEndpoints(existing, existing)).toEqual([]);
      }),
    );
  });
});
