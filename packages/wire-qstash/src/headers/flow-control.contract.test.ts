import { parseDuration } from "@omnistore/domain/message/duration";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidRequest } from "../errors.ts";
import { decodeFlowControl } from "./flow-control.ts";

describe("01 §6 flow control", () => {
  it.each([
    ["parallelism=5, rate=10, period=1m", { parallelism: 5, rate: 10, periodSeconds: 60 }],
    ["parallelism=5,rate=10,period=60", { parallelism: 5, rate: 10, periodSeconds: 60 }],
    ["rate=1", { rate: 1, periodSeconds: 1 }],
    ["Rate = 2 ,  Period = 7d", { rate: 2, periodSeconds: 604_800 }],
    // 07 Q47: a period is shown even where it says nothing.
    ["parallelism=1", { parallelism: 1, periodSeconds: 1 }],
    ["parallelism=2147483647", { parallelism: 2_147_483_647, periodSeconds: 1 }],
  ])("%s is understood", (value, rules) => {
    expect(decodeFlowControl("key", value)).toEqual({ key: "key", ...rules });
  });

  it.each(["free text", "a/b", "ключ", "k".repeat(256)])("07 Q16 a key may be %s", (key) => {
    expect(decodeFlowControl(key, "rate=1")?.key).toBe(key);
  });

  it("is absent when neither header is there", () => {
    expect(decodeFlowControl(undefined, undefined)).toBeUndefined();
  });

  it.each([
    ["key", undefined, "Upstash-Flow-Control-Key", '"key"', "without a value"],
    [undefined, "rate=1", "Upstash-Flow-Control-Value", '"rate=1"', "without a key"],
    ["", "rate=1", "Upstash-Flow-Control-Key", '""', "is empty"],
    ["a\0b", "rate=1", "Upstash-Flow-Control-Key", "u0000", "control character"],
    ["k".repeat(257), "rate=1", "Upstash-Flow-Control-Key", "256 bytes"],
    ["key", "", "Upstash-Flow-Control-Value", '""', "is not a list"],
    ["key", "rate=1,", "Upstash-Flow-Control-Value", '"rate=1,"', "is not a list"],
    ["key", "rate:1", "Upstash-Flow-Control-Value", '"rate:1"', "is not a list"],
    ["key", "speed=1", "Upstash-Flow-Control-Value", '"speed=1"', "is not a list"],
    ["key", "__proto__=1", "Upstash-Flow-Control-Value", "is not a list"],
    ["key", "period=1m", "Upstash-Flow-Control-Value", "neither parallelism nor rate"],
    ["key", "rate=0", "Upstash-Flow-Control-Value", '"rate=0"', "rate that is not a whole number"],
    ["key", "parallelism=-1", "Upstash-Flow-Control-Value", "parallelism that is not a whole"],
    ["key", "rate=1.5", "Upstash-Flow-Control-Value", "rate that is not a whole number"],
    ["key", "rate=2147483648", "Upstash-Flow-Control-Value", "from 1 to 2147483647"],
    ["key", "rate=1, period=0s", "Upstash-Flow-Control-Value", "from 1s to 7d"],
    ["key", "rate=1, period=8d", "Upstash-Flow-Control-Value", "from 1s to 7d"],
    ["key", "rate=1, period=soon", "Upstash-Flow-Control-Value", "from 1s to 7d"],
    ["key", "rate=1, rate=2", "Upstash-Flow-Control-Value", "has rate twice"],
  ])("key %j with value %j is refused by name", (key, value, ...says) => {
    expect(() => decodeFlowControl(key, value)).toThrow(expect.objectContaining({ status: 400 }));
    for (const part of says) expect(() => decodeFlowControl(key, value)).toThrow(part);
  });

  it("reads back whatever was written, in any order and spacing", () => {
    const count = fc.integer({ min: 1, max: 2 ** 31 - 1 });
    const rules = fc.record(
      { parallelism: count, rate: count, period: fc.constantFrom("1s", "90", "1m30s", "7d") },
      { requiredKeys: ["rate"] },
    );
    const blank = fc.constantFrom("", " ", "  ");
    fc.assert(
      fc.property(rules, blank, fc.boolean(), (given, space, isReversed) => {
        const pairs = Object.entries(given).map(([name, value]) => `${name}=${value}`);
        const value = (isReversed ? pairs.toReversed() : pairs).join(`${space},${space}`);
        const { period, ...counts } = given;
        const periodSeconds = (parseDuration(period ?? "1s") ?? Number.NaN) / 1000;
        expect(decodeFlowControl("k", value)).toEqual({ key: "k", ...counts, periodSeconds });
      }),
    );
  });

  it("never fails but with a refusal", () => {
    const text = fc.option(fc.string({ unit: "grapheme" }), { nil: undefined });
    fc.assert(
      fc.property(text, text, (key, value) => {
        try {
          decodeFlowControl(key, value);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidRequest);
        }
      }),
    );
  });
});
