import { planOf } from "@omnistore/domain/tenant/plans";
import { describe, expect, it } from "vitest";
import { decodeDeduplication } from "./deduplication.ts";
import { decodeLabels } from "./labels.ts";
import { decodeMethod } from "./method.ts";
import { decodeRedaction } from "./redaction.ts";
import { decodeTimeout } from "./timeout.ts";

describe("01 §3 Upstash-Method", () => {
  it("is POST unless one of the five is named", () => {
    expect(decodeMethod(undefined)).toBe("POST");
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
      expect(decodeMethod(method)).toBe(method);
    }
    for (const other of ["HEAD", "get", "CONNECT", "", "__proto__"]) {
      expect(() => decodeMethod(other)).toThrow(expect.objectContaining({ status: 400 }));
    }
  });
});

describe("01 §3 Upstash-Timeout", () => {
  it("is a duration or bare seconds, up to the limit", () => {
    expect(decodeTimeout(undefined, planOf("development", {}))).toBeUndefined();
    expect(decodeTimeout("30", planOf("development", {}))).toBe(30_000);
    expect(decodeTimeout("2h", planOf("development", {}))).toBe(7_200_000);
    expect(() => decodeTimeout("7201", planOf("development", {}))).toThrow(
      expect.objectContaining({ status: 412 }),
    );
  });
});

describe("06 §4 a plan's longest time-out", () => {
  it("is refused above it as it was sent", () => {
    const plan = planOf("free", {});
    expect(decodeTimeout("15m", plan)).toBe(900_000);
    expect(() => decodeTimeout("1h", plan)).toThrow(
      'Upstash-Timeout "1h" is more than the limit of 15m for an attempt, which plan "free" sets; the operator can raise it',
    );
  });
});

describe("01 §5 deduplication", () => {
  it("goes by id, which wins, or by content in any capitals", () => {
    expect(decodeDeduplication(undefined, undefined)).toBeUndefined();
    expect(decodeDeduplication(undefined, "False")).toBeUndefined();
    expect(decodeDeduplication(undefined, "True")).toEqual({ kind: "content" });
    expect(decodeDeduplication("order 7", "true")).toEqual({ kind: "id", id: "order 7" });
  });
});

describe("01 §3 Upstash-Label", () => {
  it("is one label or several, blanks around them gone", () => {
    expect(decodeLabels(undefined)).toBeUndefined();
    expect(decodeLabels("one")).toEqual(["one"]);
    expect(decodeLabels(" one , two words,,three,")).toEqual(["one", "two words", "three"]);
    expect(decodeLabels(" , ")).toBeUndefined();
  });
});

describe("01 §7 Upstash-Redact-Fields", () => {
  it.each([
    ["body", { body: true, headers: [] }],
    ["header", { body: false, headers: "all" }],
    ["headers", { body: false, headers: "all" }],
    ["body, header[x-secret]", { body: true, headers: ["X-Secret"] }],
    ["headers[a],header[A],header[b]", { body: false, headers: ["A", "B"] }],
    ["header[a],header", { body: false, headers: "all" }],
  ])("%s hides what it names", (value, redaction) => {
    expect(decodeRedaction(value)).toEqual(redaction);
  });

  it("hides nothing when it is absent", () => {
    expect(decodeRedaction(undefined)).toBeUndefined();
  });
});
