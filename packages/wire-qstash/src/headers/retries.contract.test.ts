import { MAX_RETRIES } from "@omnistore/domain/message/limits";
import { describe, expect, it } from "vitest";
import { decodeRetries, decodeRetryDelay } from "./retries.ts";

describe("01 §3 Upstash-Retries", () => {
  it.each([
    [undefined, undefined],
    ["0", 0],
    ["5", 5],
    [String(MAX_RETRIES), MAX_RETRIES],
  ])("%s allows %s attempts after the first", (value, retries) => {
    expect(decodeRetries(value)).toBe(retries);
  });

  it("is refused with 412 above the limit, however large", () => {
    for (const value of [String(MAX_RETRIES + 1), "9".repeat(400)]) {
      expect(() => decodeRetries(value)).toThrow(expect.objectContaining({ status: 412 }));
    }
  });
});

describe("01 §4 Upstash-Retry-Delay", () => {
  it("is kept as the text that was given", () => {
    const text = " max(1000,  pow(2, retried) * 100)";
    expect(decodeRetryDelay(text)).toBe(text);
    expect(decodeRetryDelay(undefined)).toBeUndefined();
  });

  it("is refused when it is not an expression, with the reason", () => {
    expect(() => decodeRetryDelay("pow(2, tries)")).toThrow(/"pow\(2, tries\)".*tries/);
  });
});
