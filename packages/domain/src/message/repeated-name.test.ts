import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { repeatedName } from "./repeated-name.ts";

describe("repeatedName", () => {
  test.each([
    ['{"a":1,"a":2}', "a"],
    ['{"a":1,"a":1}', "a"],
    ['[{"b":{"x":1}},{"b":{"x":1,"y":[],"x":2}}]', "x"],
    ['{"a":{"b":1},"b":2,"a":3}', "a"],
    ['{ "a" : 1 ,\n"a"\t:\r\n2 }', "a"],
    [String.raw`{"a":1,"\u0061":2}`, "a"],
    [String.raw`{"\"":1,"\"":2}`, '"'],
    [String.raw`{"\\":1,"\\":2}`, "\\"],
    ['{"":1,"":2}', ""],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
    [String.raw`{"a":"x\\","a":"y"}`, "a"],
  ])("%s has %j twice", (text, name) => {
    expect(repeatedName(text)).toBe(name);
  });

  test.each([
    '{"a":1,"A":2}',
    '[{"a":1},{"a":2}]',
    '{"a":{"a":{"a":1}}}',
    '{"a":"a","b":"a"}',
    '{"a":["a","a"],"b":["a"]}',
    String.raw`{"a":"\"a\":1,\"a\":2"}`,
    String.raw`{"a":"{\"a\":","b":"\\"}`,
    '["a","a"]',
    '"a"',
    "1",
  ])("%s has none twice", (text) => {
    expect(repeatedName(text)).toBeUndefined();
  });

  test("what a printer of JSON writes has no name twice, whatever it holds", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(4), (value, indent) => {
        expect(repeatedName(JSON.stringify(value, null, indent))).toBeUndefined();
      }),
    );
  });

  test("a member that is written a second time is found, whatever its name and its surroundings", () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.jsonValue(), (name, first, second) => {
        const member = JSON.stringify({ [name]: first }).slice(1, -1);
        const again = JSON.stringify({ [name]: second }).slice(1, -1);
        const text = `[${JSON.stringify(first)},{"o":{${member},${again}}}]`;
        expect(repeatedName(text)).toBe(name);
      }),
    );
  });

  test("a text of megabytes is read in time that grows with its length", () => {
    const long = JSON.stringify({ a: "\\".repeat(4_000_000), b: '"'.repeat(2_000_000) });
    expect(repeatedName(long)).toBeUndefined();
    expect(repeatedName(`${long.slice(0, -1)},"a":1}`)).toBe("a");
  });
});
