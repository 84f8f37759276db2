import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeDeadLetterId, decodeMessageId, encodeDeadLetterId, encodeMessageId } from "./ids.ts";

const uuid = "0198b2f4-6d00-7123-8abc-0123456789ab";

describe("00 §5 message ids", () => {
  it("are msg_ and the digits of the uuid", () => {
    expect(encodeMessageId(uuid)).toBe("msg_0198b2f46d0071238abc0123456789ab");
  });

  it("come back from any uuid", () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(decodeMessageId(encodeMessageId(id))).toBe(id);
      }),
    );
  });

  it.each([uuid, "msg_", `msg_${uuid}`, "msg_0198B2F46D0071238ABC0123456789AB", "MSG_0", "", "x"])(
    "%j is none",
    (text) => expect(decodeMessageId(text)).toBeNull(),
  );
});

describe("00 §5 ids of dead letters", () => {
  it("begin with the time of the entry in Unix milliseconds", () => {
    expect(encodeDeadLetterId(uuid)).toBe("1755349019904-71238abc0123456789ab");
  });

  it("come back from any uuid", () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(decodeDeadLetterId(encodeDeadLetterId(id))).toBe(id);
      }),
    );
  });

  it("have one spelling: whatever is read is written back the same", () => {
    const hex = fc.string({
      unit: fc.constantFrom(...Array.from("0123456789abcdef")),
      minLength: 20,
      maxLength: 20,
    });
    fc.assert(
      fc.property(fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constant("01")), hex, (time, rest) => {
        const text = `${time}-${rest}`;
        const id = decodeDeadLetterId(text);
        expect(id === null || encodeDeadLetterId(id) === text).toBe(true);
      }),
    );
  });

  it.each(["", "1-1", "-71238abc0123456789ab", `${2 ** 48}-71238abc0123456789ab`, `1-${uuid}`])(
    "%j is none",
    (text) => expect(decodeDeadLetterId(text)).toBeNull(),
  );
});
