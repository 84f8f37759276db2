import { MAX_RETRIES } from "@omnistore/domain/message/limits";
import { planOf } from "@omnistore/domain/tenant/plans";
import { describe, expect, it } from "vitest";
import { decodeRetries, decodeRetryDelay } from "./retries.ts";

describe("01 §3 Upstash-Retries", () => {
  it.each([
    [undefined, undefined],
    ["0", 0],
    ["5", 5],
    [String(MAX_RETRIES), MAX_RETRIES],
  ])("%s allows %s attempts after the first", (value, retries) => {
    expect(decodeRetries(value, planOf("development", {}))).toBe(retries);
  });

  it("is refused with 412 above the limit, however large", () => {
    for (const value of [String(MAX_RETRIES + 1), "9".repeat(400)]) {
      expect(() => decodeRetries(value, planOf("development", {}))).toThrow(
        expect.objectContaining({ status: 412 }),
      );
    }
  });

  it("06 §4 is refused above the plan's limit as it was sent", () => {
    const plan = planOf("free", { retries: 5 });
    expect(decodeRetries("5", plan)).toBe(5);
    expect(() => decodeRetries("006", plan)).toThrow(
      'Upstash-Retries "006" is more than the limit of 5 retries for a message, which is set for this tenant instead of 1000 of plan "free"; the operator can raise it',
    );
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
