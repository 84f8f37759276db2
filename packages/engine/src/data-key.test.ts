import { randomBytes } from "node:crypto";

import fc from "fast-check";
import { expect, test } from "vitest";

import { DataKey, type Place } from "./data-key.ts";

const PLACE: Place = {
  kind: "message",
  tenantId: "00000000-0000-7000-8000-000000000001",
  id: "00000000-0000-7000-8000-0000000000aa",
};
const key = new DataKey(randomBytes(32));

test("what was sealed opens again, byte by byte", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.uint8Array({ maxLength: 5_000 }),
      (text, bytes) => {
        const sealed = key.seal(PLACE, text, Buffer.from(bytes));
        expect(key.open(PLACE, sealed)).toEqual(Buffer.concat([Buffer.from(text), bytes]));
      },
    ),
  );
});

test("two seals of one value share nothing but the version and the length", () => {
  const [first, second] = [key.seal(PLACE, "value"), key.seal(PLACE, "value")];
  expect(first.length).toBe(second.length);
  expect(first.subarray(1).equals(second.subarray(1))).toBe(false);
  expect(first.includes("value")).toBe(false);
});

test("no byte can be changed, left out or added", () => {
  const sealed = key.seal(PLACE, "value");
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => key.open(PLACE, changed), `byte ${at}`).toThrow(/was changed|is not sealed by/);
    expect(() => key.open(PLACE, sealed.subarray(0, at))).toThrow(/was changed|is not sealed by/);
  }
  expect(() => key.open(PLACE, Buffer.concat([sealed, Buffer.of(0)]))).toThrow("was changed");
});

test.each([
  ["another tenant", { ...PLACE, tenantId: "00000000-0000-7000-8000-000000000002" }],
  ["another row", { ...PLACE, id: "00000000-0000-7000-8000-0000000000ab" }],
  ["another kind of row", { ...PLACE, kind: "answer" }],
] as const)("a value that was moved to %s does not open there", (_, elsewhere) => {
  const sealed = key.seal(PLACE, "value");
  expect(() => key.open(elsewhere, sealed)).toThrow("was changed, or sealed for another place");
});

test("another key opens nothing", () => {
  const other = new DataKey(randomBytes(32));
  expect(() => other.open(PLACE, key.seal(PLACE, "value"))).toThrow("was changed");
});
