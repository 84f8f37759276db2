import { SLOW_SLOT_BYTES, SLOW_SLOTS } from "@omnistore/domain/claim/slots";
import { expect, test } from "vitest";

import { waitForRoom } from "./answer-room.ts";
import { AttemptsUnderWay } from "./attempts-under-way.ts";

const SHARE_BYTES = Math.ceil(SLOW_SLOTS / 3) * SLOW_SLOT_BYTES;

function begin(underWay: AttemptsUnderWay, messageId: string) {
  const leased = { tenantId: "a", messageId, owner: "o", retried: 0, isGated: false };
  const of = { tenantId: "a", destination: "https://one.example/", body: Buffer.alloc(0) };
  underWay.begin(leased, of, performance.now());
  return leased;
}

test("a long answer waits until others of its tenant have ended, and then has room", async () => {
  const underWay = new AttemptsUnderWay();
  const [first, second] = [begin(underWay, "1"), begin(underWay, "2")];
  await expect(waitForRoom(underWay, first, SHARE_BYTES)).resolves.toBe(true);
  let isWaiting = true;
  const waiting = waitForRoom(underWay, second, SHARE_BYTES).finally(() => (isWaiting = false));
  await Promise.resolve();
  expect(isWaiting).toBe(true);
  underWay.end(first);
  await expect(waiting).resolves.toBe(true);
  expect(underWay.saturated(performance.now())).toEqual(["a"]);
});

test("an attempt that ended while its answer waited takes no room", async () => {
  const underWay = new AttemptsUnderWay();
  const [first, second] = [begin(underWay, "1"), begin(underWay, "2")];
  await waitForRoom(underWay, first, SHARE_BYTES);
  const waiting = waitForRoom(underWay, second, SHARE_BYTES);
  underWay.end(second);
  underWay.end(first);
  await expect(waiting).resolves.toBe(false);
  expect(underWay.saturated(performance.now())).toEqual([]);
});
