import { describe, expect, test } from "vitest";
import type { AttemptResult } from "./attempt-result.ts";
import { describeFailure } from "./describe-failure.ts";

const answer = (status: number): AttemptResult => ({
  kind: "response",
  status,
  headers: {},
  body: Buffer.alloc(0),
});

describe("describeFailure", () => {
  test("says nothing of a delivery", () => {
    expect(describeFailure(answer(204))).toBeUndefined();
  });

  test.each([302, 404, 503])("names the status of an answer: %d", (status) => {
    expect(describeFailure(answer(status))).toBe(`destination answered ${status}`);
  });

  test("repeats what the transport said when there was no answer", () => {
    const error = "no answer within 5000 ms";
    expect(describeFailure({ kind: "failure", code: "timeout", error })).toBe(error);
  });
});
