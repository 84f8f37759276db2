import { MAX_DELAY_MS } from "@omnistore/domain/message/limits";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeDue } from "./due.ts";

const now = 1_787_000_000_000;

describe("01 §3 Upstash-Delay", () => {
  it.each([
    ["50s", 50_000],
    ["1d10h30m", 124_200_000],
    ["30", 30_000],
    ["365d", MAX_DELAY_MS],
  ])("%s is a delay of %d ms", (value, delayMs) => {
    expect(decodeDue(undefined, value, now)).toEqual({ kind: "after", delayMs });
  });

  it("of nothing, and no delay at all, mean now", () => {
    expect(decodeDue(undefined, "0s", now)).toEqual({ kind: "now" });
    expect(decodeDue(undefined, undefined, now)).toEqual({ kind: "now" });
  });

  it("is refused with 412 beyond the longest delay", () => {
    expect(() => decodeDue(undefined, "366d", now)).toThrow(
      expect.objectContaining({ status: 412 }),
    );
  });
});

describe("01 §3 Upstash-Not-Before", () => {
  it("is a time in Unix seconds, with a fraction if need be", () => {
    expect(decodeDue("1787000001", undefined, now)).toEqual({ kind: "at", unixMs: now + 1000 });
    expect(decodeDue("1787000001.25", undefined, now)).toEqual({ kind: "at", unixMs: now + 1250 });
  });

  it("wins over a delay, and in the past it means now", () => {
    expect(decodeDue("1787000001", "1h", now)).toEqual({ kind: "at", unixMs: now + 1000 });
    expect(decodeDue("1786999999", "1h", now)).toEqual({ kind: "now" });
    expect(decodeDue("0", undefined, now)).toEqual({ kind: "now" });
  });

  it("is refused with 412 farther away than the longest delay, and taken up to it", () => {
    const last = String((now + MAX_DELAY_MS) / 1000);
    expect(decodeDue(last, undefined, now)).toEqual({ kind: "at", unixMs: now + MAX_DELAY_MS });
    expect(() => decodeDue(`${last}.001`, undefined, now)).toThrow(
      expect.objectContaining({ status: 412 }),
    );
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
            const due = decodeDue(notBefore, delay, now);
            const waitMs =
              due.kind === "now" ? 0 : due.kind === "after" ? due.delayMs : due.unixMs - now;
            expect(waitMs).toBeGreaterThanOrEqual(0);
            expect(waitMs).toBeLessThanOrEqual(MAX_DELAY_MS);
          } catch (error) {
            expect(error).toMatchObject({ name: "InvalidRequest" });
          }
        },
      ),
    );
  });
});
