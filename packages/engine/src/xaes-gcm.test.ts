import { expect, test } from "vitest";

import { XaesGcm } from "./xaes-gcm.ts";

const NONCE = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWX");

// The two keys are such that one subkey needs the reduction of the field and the other does not.
test.each([
  [0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"],
  [0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"],
])("the example of the specification with key bytes %d", (byte, additional, expected) => {
  const cipher = new XaesGcm(Buffer.alloc(32, byte));
  const sealed = Buffer.concat([...cipher.seal(NONCE, Buffer.from(additional), ["XAES-256-GCM"])]);
  expect(sealed.toString("hex")).toBe(expected);
  expect(cipher.open(NONCE, Buffer.from(additional), sealed).toString()).toBe("XAES-256-GCM");
});

test("how a text is parted makes no difference", () => {
  const cipher = new XaesGcm(Buffer.alloc(32, 9));
  const whole = Buffer.concat([...cipher.seal(NONCE, Buffer.alloc(0), ["one text é"])]);
  const parted = cipher.seal(NONCE, Buffer.alloc(0), ["one ", Buffer.from("text"), "", " é"]);
  expect(Buffer.concat([...parted])).toEqual(whole);
});
