import { SLOW_AFTER_MS, SLOW_SLOTS } from "@omnistore/domain/claim/slots";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import { expect, test } from "vitest";

import { AttemptsUnderWay } from "./attempts-under-way.ts";

const SHARE = Math.ceil(SLOW_SLOTS / 3);

function beginMany(attempts: AttemptsUnderWay, tenantId: string, count: number, now: number) {
  return Array.from({ length: count }, (_, index): LeasedDelivery => {
    const leased = { tenantId, messageId: `${index}`, owner: "o", retried: 0, isGated: false };
    attempts.begin(leased, now);
    return leased;
  });
}

test("an attempt holds a slot until it is slow or over", () => {
  const attempts = new AttemptsUnderWay();
  const [first] = beginMany(attempts, "a", 3, 0);
  beginMany(attempts, "b", 2, 100);
  if (first) attempts.end(first);
  expect(attempts.countYoung(SLOW_AFTER_MS - 1)).toBe(4);
  expect(attempts.countYoung(SLOW_AFTER_MS)).toBe(2);
  expect(attempts.size).toBe(4);
  expect([...attempts]).toHaveLength(4);
});

test("a tenant whose receivers are slow is saturated until enough of them have answered", () => {
  const attempts = new AttemptsUnderWay();
  const [first] = beginMany(attempts, "slow", SHARE, 0);
  beginMany(attempts, "quick", 5, SLOW_AFTER_MS);
  expect(attempts.saturated(SLOW_AFTER_MS - 1)).toEqual([]);
  expect(attempts.saturated(SLOW_AFTER_MS)).toEqual(["slow"]);
  expect(attempts.isSaturated("quick")).toBe(false);
  if (first) attempts.end(first);
  expect(attempts.saturated(SLOW_AFTER_MS)).toEqual([]);
});
