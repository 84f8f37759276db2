import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { decodePosition, encodePosition } from "./history/keyset-cursor.ts";
import { decodeIdCursor, encodeIdCursor } from "./id-cursor.ts";

const id = fc
  .tuple(fc.nat({ max: 2 ** 48 - 1 }), fc.uint8Array({ minLength: 10, maxLength: 10 }))
  .map(([unixMs, random]) => makeUuidV7({ unixMs, random }));
const position = fc.record({
  micros: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  messageId: id,
  rank: fc.nat({ max: 999_999 }),
});

/** What a client may have made of a cursor; never the cursor itself. */
function altered(cursor: string): fc.Arbitrary<string> {
  const place = fc.nat({ max: cursor.length });
  const text = Buffer.from(cursor, "base64url");
  return fc
    .oneof(
      place.map((at) => cursor.slice(0, at)),
      fc
        .tuple(place, fc.string({ minLength: 1, maxLength: 3 }))
        .map(([at, more]) => cursor.slice(0, at) + more + cursor.slice(at)),
      fc
        .tuple(place, fc.constantFrom("A", "a", "0", "_", "-", "=", ".", "+", "/", " ", "\n", "%"))
        .map(([at, other]) => cursor.slice(0, at) + other + cursor.slice(at + 1)),
      fc.constantFrom(`${cursor}=`, `${cursor}==`, text.toString(), text.toString("hex")),
      fc
        .constantFrom("0", " ", "+")
        .map((c) => Buffer.from(c + text.toString()).toString("base64url")),
      fc.string(),
    )
    .filter((other) => other !== cursor);
}

describe("00 §6 a cursor of the log", () => {
  test("stands for the position that it was made of", () => {
    fc.assert(
      fc.property(position, (given) => {
        expect(decodePosition(encodePosition(given))).toEqual(given);
      }),
    );
  });

  test("in any other spelling is refused, or is itself the cursor of another position", () => {
    const cursors = position.map(encodePosition);
    fc.assert(
      fc.property(cursors.chain(altered), (other) => {
        const decoded = decodePosition(other);
        expect(decoded === null || encodePosition(decoded) === other).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a cursor of tenants or of the audit log", () => {
  test("stands for the id that it was made of", () => {
    fc.assert(
      fc.property(id, (given) => {
        expect(decodeIdCursor(encodeIdCursor(given))).toBe(given);
      }),
    );
  });

  test("in any other spelling is refused, or is itself the cursor of another id", () => {
    fc.assert(
      fc.property(id.map(encodeIdCursor).chain(altered), (other) => {
        const decoded = decodeIdCursor(other);
        expect(decoded === null || encodeIdCursor(decoded) === other).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
