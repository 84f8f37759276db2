import { isUuid, makeUuidV7 } from "@omnistore/domain/message/message-id";
import fc from "fast-check";
import { expect, test } from "vitest";

import { LATEST_UUID_MS, uuidOfTime } from "./uuid-of-time.ts";

const times = fc.integer({ min: 0, max: LATEST_UUID_MS - 1 });
const randoms = fc.uint8Array({ minLength: 10, maxLength: 10 });

test("every id of a millisecond lies between its first and its last, no other one does", () => {
  fc.assert(
    fc.property(times, randoms, (unixMs, random) => {
      const [first, last] = [uuidOfTime(unixMs, "first"), uuidOfTime(unixMs, "last")];
      expect([first, last].every(isUuid)).toBe(true);
      const id = makeUuidV7({ unixMs, random });
      const next = makeUuidV7({ unixMs: unixMs + 1, random });
      expect(first <= id && id <= last).toBe(true);
      expect(next > last).toBe(true);
      expect(uuidOfTime(unixMs + 1, "first") > last).toBe(true);
    }),
  );
});

test("a time that no id can hold is the first or the last one", () => {
  expect(uuidOfTime(-1, "first")).toBe("00000000-0000-0000-0000-000000000000");
  expect(uuidOfTime(Infinity, "last")).toBe("ffffffff-ffff-ffff-ffff-ffffffffffff");
});
