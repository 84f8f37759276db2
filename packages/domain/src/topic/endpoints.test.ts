import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { addEndpoints, removeEndpoints, type Addition } from "./endpoints.ts";
import type { Endpoint } from "./topic.ts";

const A = { url: "https://a.test/" };
const B = { url: "https://b.test/" };
const C = { url: "https://c.test/" };
const one = <T extends object>(endpoint: T) => ({ ...endpoint, name: "one" });
const two = <T extends object>(endpoint: T) => ({ ...endpoint, name: "two" });

/** What is refused is not of interest. */
function taken(addition: Addition): readonly Endpoint[] {
  fc.pre(addition.kind === "endpoints");
  return addition.kind === "endpoints" ? addition.endpoints : [];
}

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
    ["are matched by name first", [one(A), C], [one(B)], [one(B), C]],
    ["take the place of the nameless one of their URL", [one(A), B], [one(B)], [one(B)]],
    ["may swap their URLs", [one(A), two(B)], [one(B), two(A)], [one(B), two(A)]],
    ["without a name leave the name that is there", [one(A)], [A], [one(A)]],
    ["twice at once are there once", [], [one(A), one(B), B], [one(B)]],
  ])("%s", (_, existing, added, expected) => {
    expect(taken(addEndpoints(existing, added))).toEqual(expected);
  });

  test("are refused where two names would have one URL, and only there", () => {
    const doubled = { kind: "doubled-url", url: B.url, names: ["one", "two"] };
    expect(addEndpoints([one(A), two(B)], [one(B)])).toEqual(doubled);
    const before = [one(B), two(B)];
    expect(addEndpoints(before, [C])).toEqual({ kind: "endpoints", endpoints: [...before, C] });
  });

  test("no name and no URL is there twice, and adding the same again changes nothing", () => {
    fc.assert(
      fc.property(endpoints, endpoints, (existing, added) => {
        const before = taken(addEndpoints([], existing));
        const after = taken(addEndpoints(before, added));
        const names = after.flatMap(({ name }) => name ?? []);
        expect(new Set(names).size).toBe(names.length);
        const urls = after.map(({ url }) => url);
        expect(new Set(urls).size).toBe(urls.length);
        expect(taken(addEndpoints(after, after))).toEqual(after);
        for (const { url } of added.slice(-1)) expect(urls).toContain(url);
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
