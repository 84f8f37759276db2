import { isUtf8 } from "node:buffer";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { cutBody } from "./cut-body.ts";

describe("a body that is cut", () => {
  test("stays text, and loses no more than the character that does not fit", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(40), (text, bytes) => {
        const body = Buffer.from(text);
        const cut = cutBody(body, bytes);
        expect(isUtf8(cut)).toBe(true);
        expect(body.subarray(0, cut.length).equals(cut)).toBe(true);
        expect(cut.length).toBeLessThanOrEqual(bytes);
        expect(cut.length).toBeGreaterThan(Math.min(body.length, bytes) - 4);
        if (body.length <= bytes) expect(cut).toEqual(body);
      }),
    );
  });

  test("by whoever read it is mended, too: it ends where the limit is", () => {
    expect(cutBody(Buffer.from("a€").subarray(0, 3), 3).toString()).toBe("a");
  });

  test("and is no text keeps all but three bytes at most", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(40), (bytes, limit) => {
        const cut = cutBody(Buffer.from(bytes), limit);
        expect(cut.length).toBeGreaterThanOrEqual(Math.max(0, Math.min(bytes.length, limit) - 3));
      }),
    );
  });
});
