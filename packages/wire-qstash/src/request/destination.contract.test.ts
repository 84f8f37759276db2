import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { takeDestination } from "./destination.ts";

const verb = "/v2/publish/";

function take(target: string) {
  const { destination, reserved } = takeDestination(target, verb);
  return { destination, reserved: reserved.map(({ name, value }) => [name, value]) };
}

describe("00 §1 the destination inside the path", () => {
  it.each([
    "https://h.test/p",
    "http://h.test//double//slash/",
    "https://h.test/a%20b%2Fc?x=%zz&y=a+b&&=&z",
    "https://h.test?next=https://other.test/?a=b",
    "https://h.test/p?",
    "https://h.test/p?token=1&upstash=2&xupstash-retries=3&my_qstash_token=4",
    "https://h.test/v2/publish/https://inner.test",
  ])("%s is taken as it is", (destination) => {
    expect(take(`${verb}${destination}`)).toEqual({ destination, reserved: [] });
  });

  it("survives a target in absolute form and a prefix before the route", () => {
    for (const before of ["http://omnistore.test:8080", "HTTPS://u@h", "/prefix"]) {
      expect(take(`${before}${verb}https://h.test/p?a=b`).destination).toBe("https://h.test/p?a=b");
    }
  });

  it("is decoded once when only then it has a scheme", () => {
    expect(take(`${verb}https%3A%2F%2Fh.test%2Fp%3Fa%3Db%2520c`).destination).toBe(
      "https://h.test/p?a=b%20c",
    );
    expect(take(`${verb}https%3A%2F%2Fh.test%2Fp%3Fa%3Db?c=d&upstash-delay=1`)).toEqual({
      destination: "https://h.test/p?a=b&c=d",
      reserved: [["upstash-delay", "1"]],
    });
    expect(take(`${verb}h.test%2Fp`).destination).toBe("h.test%2Fp");
    expect(take(`${verb}https%3A%2F%zz`).destination).toBe("https%3A%2F%zz");
  });
});

describe("00 §8 reserved query parameters", () => {
  it("are taken out in any case and spelling, and leave the others in order and untouched", () => {
    const target = `${verb}https://h.test/p?b=%41&QSTASH_TOKEN=t&a=+&Upstash-Retries=3&%75pstash-delay=1+s&a=2`;
    expect(take(target)).toEqual({
      destination: "https://h.test/p?b=%41&a=+&a=2",
      reserved: [
        ["QSTASH_TOKEN", "t"],
        ["Upstash-Retries", "3"],
        ["upstash-delay", "1 s"],
      ],
    });
  });

  it("take the question mark with them when nothing else is left", () => {
    expect(take(`${verb}https://h.test/p?qstash_token=t`).destination).toBe("https://h.test/p");
  });

  it("leave any destination as it was, wherever they stand among its parameters", () => {
    const piece = fc
      .string({ unit: fc.constantFrom(...Array.from("ab=%2F+;:/?@~")) })
      .filter((text) => !/upstash-|qstash_token/i.test(text));
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1 }), fc.nat(20), (pieces, position) => {
        const destination = `https://h.test/p?${pieces.join("&")}`;
        const mixed = pieces.toSpliced(position, 0, "upstash-retries=1", "qstash_token=t");
        expect(take(`${verb}https://h.test/p?${mixed.join("&")}`)).toEqual({
          destination,
          reserved: [
            ["upstash-retries", "1"],
            ["qstash_token", "t"],
          ],
        });
        expect(take(`${verb}${destination}`).destination).toBe(destination);
      }),
    );
  });
});
