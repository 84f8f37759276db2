import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HeaderMap } from "../message/message.ts";
import type { AttemptResult } from "../record/attempt-result.ts";
import type { FinishedAttempt } from "./next-attempt.ts";
import { decideNext } from "./next-attempt.ts";

const answer = (status: number, headers: HeaderMap = {}): AttemptResult => ({
  kind: "response",
  status,
  headers,
  body: Buffer.alloc(0),
});
const timeout: AttemptResult = { kind: "failure", code: "timeout", error: "no answer in time" };

const attempt = (changes: Partial<FinishedAttempt>): FinishedAttempt => ({
  retried: 0,
  maxRetries: 3,
  result: answer(500),
  nonRetryable: false,
  nowMs: Date.parse("2026-11-24T12:00:00Z"),
  ...changes,
});

describe("02 §2 decideNext", () => {
  test("a 2xx delivers, even on the last attempt and whatever its headers say", () => {
    const result = answer(200, { "Retry-After": ["5"] });
    expect(decideNext(attempt({ result }))).toEqual({ kind: "delivered" });
    const last = attempt({ result, retried: 3, nonRetryable: true });
    expect(decideNext(last)).toEqual({ kind: "delivered" });
  });

  test("a receiver that forbids retries ends the message at once", () => {
    const forbidden = attempt({ result: answer(489), nonRetryable: true });
    expect(decideNext(forbidden)).toEqual({ kind: "dead" });
  });

  test("a message dies after 1 + maxRetries attempts, for any number of retries", () => {
    fc.assert(
      fc.property(
        fc.nat(50),
        fc.constantFrom(answer(503), answer(302), timeout),
        (maxRetries, result) => {
          let attempts = 1;
          while (
            decideNext(attempt({ result, maxRetries, retried: attempts - 1 })).kind === "retry"
          )
            attempts += 1;
          expect(attempts).toBe(1 + maxRetries);
          expect(decideNext(attempt({ result, maxRetries, retried: maxRetries })).kind).toBe(
            "dead",
          );
        },
      ),
    );
  });

  test.each([
    [
      "the receiver's header before anything else",
      answer(503, { "Retry-After": ["5"] }),
      "9000",
      5000,
    ],
    ["a header of 0, which is a wish too", answer(404, { "Retry-After": ["0"] }), "9000", 0],
    [
      "the expression when the header is unusable",
      answer(503, { "Retry-After": ["2d"] }),
      "9000",
      9000,
    ],
    ["the expression when there was no answer", timeout, "1000 * (1 + retried)", 2000],
    ["the default when the expression gives no number", timeout, "0 / 0", 148_000],
    ["the default when the stored expression cannot be read", timeout, "log(1)", 148_000],
    ["the default when nobody asks", timeout, undefined, 148_000],
  ])("the second retry waits for %s", (_, result, retryDelay, delayMs) => {
    expect(decideNext(attempt({ retried: 1, result, retryDelay }))).toEqual({
      kind: "retry",
      delayMs,
    });
  });

  test("a date in a header counts from the given now", () => {
    const result = answer(429, { "Retry-After": ["Tue, 24 Nov 2026 12:01:00 GMT"] });
    expect(decideNext(attempt({ result }))).toEqual({ kind: "retry", delayMs: 60_000 });
  });
});
