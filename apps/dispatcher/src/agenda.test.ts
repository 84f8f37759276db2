import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Agenda, GATHER_MS, SATURATED_MS } from "./agenda.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const NOTHING = { nextDueInMs: null, nextGateInMs: null, hasParked: false };

test("an agenda that knows of nothing looks once in a second", () => {
  const agenda = new Agenda();
  agenda.learn(NOTHING, false);
  expect(agenda.untilNext(performance.now())).toBe(1_000);
});

test("it looks when the claim said that something is due, or sooner for a retry of its own", () => {
  const agenda = new Agenda();
  agenda.learn({ ...NOTHING, nextDueInMs: 300, nextGateInMs: 200 }, false);
  expect(agenda.untilNext(performance.now())).toBe(200);
  vi.advanceTimersByTime(200);
  expect(agenda.isGateDue(performance.now())).toBe(true);
  expect(agenda.isDue(performance.now())).toBe(false);
  agenda.expectDue(400);
  agenda.expectDue(50);
  vi.advanceTimersByTime(50);
  expect(agenda.isDue(performance.now())).toBe(true);
});

test("gates of saturated tenants are looked at again, and so is what is parked, as long as there is some", () => {
  const agenda = new Agenda();
  agenda.learn(NOTHING, true);
  expect(agenda.untilNext(performance.now())).toBe(SATURATED_MS);
  agenda.learn({ ...NOTHING, hasParked: true }, false);
  vi.advanceTimersByTime(SATURATED_MS / 2);
  // A later claim puts it off no further.
  agenda.learn({ ...NOTHING, hasParked: true }, false);
  vi.advanceTimersByTime(SATURATED_MS / 2);
  expect(agenda.isReleaseDue(performance.now())).toBe(true);
  agenda.released(performance.now());
  expect(agenda.isReleaseDue(performance.now())).toBe(false);
  agenda.learn(NOTHING, false);
  expect(agenda.isReleaseExpected).toBe(false);
});

test("places that get free together are filled together", async () => {
  const agenda = new Agenda();
  agenda.learn({ ...NOTHING, hasParked: true }, false);
  let isAwake = false;
  void agenda.rest(60_000).then(() => (isAwake = true));
  agenda.expectPlace();
  agenda.expectPlace();
  await vi.advanceTimersByTimeAsync(GATHER_MS - 1);
  expect(isAwake).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(isAwake).toBe(true);
  expect(agenda.isReleaseDue(performance.now())).toBe(true);
  expect(agenda.isGateDue(performance.now())).toBe(true);
});

test("after it is closed no timer of it is left", () => {
  const agenda = new Agenda();
  agenda.expectPlace();
  agenda.close();
  expect(vi.getTimerCount()).toBe(0);
});
