import {
  LARGE_BYTES,
  SLOW_AFTER_MS,
  SLOW_SLOT_BYTES,
  SLOW_SLOTS,
} from "@omnistore/domain/claim/slots";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import { expect, test } from "vitest";

import { AttemptsUnderWay, type Attempted } from "./attempts-under-way.ts";

const SHARE = Math.ceil(SLOW_SLOTS / 3);

const toOneHost = () => "https://one.example/any?q";

function attempted(tenantId: string, over: Partial<Attempted> = {}): Attempted {
  return { tenantId, destination: "https://one.example/", body: Buffer.alloc(0), ...over };
}

function beginMany(
  attempts: AttemptsUnderWay,
  tenantId: string,
  count: number,
  now: number,
  destinationOf = (index: number) => `https://${index}.example/path`,
) {
  return Array.from({ length: count }, (_, index): LeasedDelivery => {
    const leased = { tenantId, messageId: `${index}`, owner: "o", retried: 0, isGated: false };
    attempts.begin(leased, attempted(tenantId, { destination: destinationOf(index) }), now);
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
  expect(attempts.takes(attempted("quick"), SLOW_AFTER_MS)).toBe(true);
  expect(attempts.takes(attempted("slow"), SLOW_AFTER_MS)).toBe(false);
  if (first) attempts.end(first);
  expect(attempts.saturated(SLOW_AFTER_MS)).toEqual([]);
});

test("a host that does not answer is saturated for that tenant, and no other host is", () => {
  const attempts = new AttemptsUnderWay();
  const [first] = beginMany(attempts, "a", Math.ceil(SLOW_SLOTS / 5), 0, toOneHost);
  expect(attempts.withSaturatedHost(SLOW_AFTER_MS)).toEqual(["a"]);
  expect(attempts.saturated(SLOW_AFTER_MS)).toEqual([]);
  expect(attempts.isHostSaturated(attempted("a"), SLOW_AFTER_MS)).toBe(true);
  expect(
    attempts.takes(attempted("a", { destination: "https://two.example/" }), SLOW_AFTER_MS),
  ).toBe(true);
  expect(attempts.takes(attempted("b"), SLOW_AFTER_MS)).toBe(true);
  if (first) attempts.end(first);
  expect(attempts.withSaturatedHost(SLOW_AFTER_MS)).toEqual([]);
});

test("whether one more may start is told by what has become slow just now", () => {
  const attempts = new AttemptsUnderWay();
  beginMany(attempts, "a", Math.ceil(SLOW_SLOTS / 5), 0, toOneHost);
  expect(attempts.takes(attempted("a"), SLOW_AFTER_MS - 1)).toBe(true);
  expect(attempts.takes(attempted("a"), SLOW_AFTER_MS)).toBe(false);
});

test("a long answer takes slots from its tenant until its attempt ends, be that young or slow", () => {
  const attempts = new AttemptsUnderWay();
  const leased = beginMany(attempts, "a", 3, 0);
  const [young, slow, last] = leased;
  if (!young || !slow || !last) throw new Error("three were begun");
  expect(attempts.keepAnswer(young, SLOW_SLOT_BYTES * SHARE, 0)).toBe(true);
  expect(attempts.saturated(0)).toEqual(["a"]);
  expect(attempts.keepAnswer(slow, 1, 0)).toBe(false);
  attempts.end(young);
  expect(attempts.saturated(0)).toEqual([]);
  expect(attempts.keepAnswer(slow, SLOW_SLOT_BYTES * SHARE, SLOW_AFTER_MS)).toBe(true);
  expect(attempts.keepAnswer(last, 1, SLOW_AFTER_MS)).toBe(false);
  for (const each of leased) attempts.end(each);
  expect(attempts.takes(attempted("a"), SLOW_AFTER_MS)).toBe(true);
  expect(attempts.keepAnswer(slow, 1, SLOW_AFTER_MS)).toBe(false);
});

test("big messages saturate sooner, and give back what they took", () => {
  const attempts = new AttemptsUnderWay();
  const body = Buffer.alloc(SLOW_SLOT_BYTES * 16);
  const big = Array.from({ length: Math.ceil(SHARE / 16) }, (_, index): LeasedDelivery => {
    const leased = { tenantId: "a", messageId: `${index}`, owner: "o", retried: 0, isGated: false };
    attempts.begin(leased, attempted("a", { body, destination: `https://${index}.example` }), 0);
    return leased;
  });
  expect(attempts.saturated(SLOW_AFTER_MS)).toEqual(["a"]);
  for (const leased of big) attempts.end(leased);
  expect(attempts.saturated(SLOW_AFTER_MS)).toEqual([]);
  expect(attempts.takes(attempted("a"), SLOW_AFTER_MS)).toBe(true);
});

test("a tenant has no more places than it may, and those that waited are told while it is full", () => {
  const attempts = new AttemptsUnderWay((tenantId) => (tenantId === "small" ? 3 : Infinity));
  expect(attempts.hold("small", 2)).toBe(2);
  expect(attempts.saturated(0)).toEqual([]);
  expect(attempts.hold("small", 5)).toBe(1);
  expect(attempts.hold("other", 5)).toBe(5);
  expect(attempts.saturated(0)).toEqual(["small"]);
  attempts.forgetCapped();
  expect([...attempts.capped]).toEqual(["small"]);
  const leased = { tenantId: "small", messageId: "1", owner: "o", retried: 0, isGated: false };
  attempts.begin(leased, attempted("small"), 0);
  expect(attempts.room("small")).toBe(0);
  attempts.end(leased);
  expect(attempts.saturated(0)).toEqual([]);
  expect(attempts.room("small")).toBe(1);
  attempts.drop("small", 2);
  expect(attempts.room("small")).toBe(3);
  attempts.forgetCapped();
  expect([...attempts.capped]).toEqual([]);
});

test("large messages are counted by their bytes from their start, and wait when these are too many", () => {
  const attempts = new AttemptsUnderWay();
  const large = (tenantId: string) => attempted(tenantId, { body: Buffer.alloc(LARGE_BYTES + 1) });
  const huge = attempted("huge", { body: Buffer.alloc(SLOW_SLOTS * SLOW_SLOT_BYTES) });
  const leased = { tenantId: "huge", messageId: "1", owner: "o", retried: 0, isGated: false };
  expect(attempts.takes(huge, 0)).toBe(true);
  attempts.begin(leased, huge, 0);
  expect(attempts.countYoung(0)).toBe(0);
  expect(attempts.hasMemoryFor(large("other"), 0)).toBe(false);
  expect(attempts.takes(large("other"), 0)).toBe(false);
  expect(attempts.takes(attempted("other"), 0)).toBe(true);
  attempts.end(leased);
  expect(attempts.takes(large("other"), 0)).toBe(true);
});
