import { MAX_DELAY_MS } from "@omnistore/domain/message/limits";
import { planOf } from "@omnistore/domain/tenant/plans";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeDue } from "./due.ts";

const YEAR_MS = 365 * 86_400_000;
const now = 1_787_000_000_000;
const context = { nowMs: now, plan: planOf("development", {}) };
const free = { nowMs: now, plan: planOf("free", {}) };

describe("01 §3 Upstash-Delay", () => {
  it.each([
    ["50s", 50_000],
    ["1d10h30m", 124_200_000],
    ["30", 30_000],
    ["365d", YEAR_MS],
  ])("%s is a delay of %d ms", (value, delayMs) => {
    expect(decodeDue(undefined, value, context)).toEqual({ kind: "after", delayMs });
  });

  it("of nothing, and no delay at all, mean now", () => {
    expect(decodeDue(undefined, "0s", context)).toEqual({ kind: "now" });
    expect(decodeDue(undefined, undefined, context)).toEqual({ kind: "now" });
  });

  it("is refused with 412 beyond the longest delay", () => {
    expect(() => decodeDue(undefined, "366d", context)).toThrow(
      expect.objectContaining({ status: 412 }),
    );
  });
});

describe("01 §3 Upstash-Not-Before", () => {
  it("is a time in Unix seconds, with a fraction if need be", () => {
    expect(decodeDue("1787000001", undefined, context)).toEqual({ kind: "at", unixMs: now + 1000 });
    expect(decodeDue("1787000001.25", undefined, context)).toEqual({
      kind: "at",
      unixMs: now + 1250,
    });
  });

  it("wins over a delay, and in the past it means now", () => {
    expect(decodeDue("1787000001", "1h", context)).toEqual({ kind: "at", unixMs: now + 1000 });
    expect(decodeDue("1786999999", "1h", context)).toEqual({ kind: "now" });
    expect(decodeDue("0", undefined, context)).toEqual({ kind: "now" });
  });

  it("is refused with 412 farther away than the longest delay, and taken up to it", () => {
    const last = String((now + YEAR_MS) / 1000);
    expect(decodeDue(last, undefined, context)).toEqual({ kind: "at", unixMs: now + YEAR_MS });
    expect(() => decodeDue(`${last}.001`, undefined, context)).toThrow(
      expect.objectContaining({ status: 412 }),
    );
  });
});

describe("06 §4 a plan's longest delay", () => {
  it("is what the operator set for a tenant, up to five years", () => {
    const plan = planOf("pay-as-you-go", { delayMs: MAX_DELAY_MS });
    const last = String((now + MAX_DELAY_MS) / 1000);
    expect(decodeDue(undefined, "1826d", { nowMs: now, plan })).toEqual({
      kind: "after",
      delayMs: MAX_DELAY_MS,
    });
    expect(decodeDue(last, undefined, { nowMs: now, plan })).toMatchObject({ kind: "at" });
    expect(() => decodeDue(undefined, "1827d", { nowMs: now, plan })).toThrow(
      'instead of 365d of plan "pay-as-you-go"; no plan has more',
    );
  });

  it.each([
    [undefined, "8d", 'Upstash-Delay "8d"'],
    [undefined, "604801", 'Upstash-Delay "604801"'],
    ["1787604801", undefined, 'Upstash-Not-Before "1787604801"'],
  ])("not-before %s, delay %s: is refused as it was sent", (notBefore, delay, sent) => {
    expect(() => decodeDue(notBefore, delay, free)).toThrow(
      `${sent} is more than the limit of 7d of delay, which plan "free" sets; the operator can raise it`,
    );
  });

  it("may be asked for whole", () => {
    expect(decodeDue(undefined, "7d", free)).toEqual({ kind: "after", delayMs: 604_800_000 });
    expect(decodeDue("1787604800", undefined, free)).toMatchObject({ kind: "at" });
  });
});

describe("01 §3 any text as delay and not-before", () => {
  it("is a time between now and the longest delay, or refused with 400 or 412", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.float().map(String),
      fc.nat().map((n) => `${n}d`),
    );
    fc.assert(
      fc.property(
        fc.option(texts, { nil: undefined }),
        fc.option(texts, { nil: undefined }),
        (notBefore, delay) => {
          try {
            const due = decodeDue(notBefore, delay, context);
            const waitMs =
              due.kind === "now" ? 0 : due.kind === "after" ? due.delayMs : due.unixMs - now;
            expect(waitMs).toBeGreaterThanOrEqual(0);
            expect(waitMs).toBeLessThanOrEqual(YEAR_MS);
          } catch (error) {
            expect(error).toMatchObject({ name: "InvalidRequest" });
          }
        },
      ),
    );
  });
});
