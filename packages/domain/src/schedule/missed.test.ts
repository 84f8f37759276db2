import { describe, expect, it } from "vitest";

import { parseCron } from "./cron.ts";
import { decideDue } from "./missed.ts";

function show(ms: number | null): string {
  return ms === null ? "none" : new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}

/** Times as `2026-03-02 12:00`, UTC; a Monday. */
function decide(text: string, due: string, now: string): string {
  const cron = parseCron(text);
  if (cron.kind === "invalid") throw new Error(cron.reason);
  const { fireMs, nextMs, skipped } = decideDue(cron, Date.parse(`${due}Z`), Date.parse(`${now}Z`));
  const left = skipped ? `, skip ${show(skipped.firstMs)} to ${show(skipped.lastMs)}` : "";
  return `fire ${show(fireMs)}${left}, next ${show(nextMs)}`;
}

describe("07 Q23 decideDue", () => {
  it("fires a tick that is due, and says when the next one is", () => {
    expect(decide("* * * * *", "2026-03-02 12:00", "2026-03-02 12:00:00.004")).toBe(
      "fire 2026-03-02 12:00, next 2026-03-02 12:01",
    );
  });

  it("fires a late tick when it is the only one that was missed", () => {
    expect(decide("0 * * * *", "2026-03-02 12:00", "2026-03-02 12:59:59")).toBe(
      "fire 2026-03-02 12:00, next 2026-03-02 13:00",
    );
  });

  it("fires the last of several missed ticks, once, and skips the others", () => {
    expect(decide("*/5 * * * *", "2026-03-02 12:00", "2026-03-02 15:03")).toBe(
      "fire 2026-03-02 15:00, skip 2026-03-02 12:00 to 2026-03-02 14:55, next 2026-03-02 15:05",
    );
  });

  it("counts a tick that is due this very moment", () => {
    expect(decide("0 * * * *", "2026-03-02 12:00", "2026-03-02 14:00")).toBe(
      "fire 2026-03-02 14:00, skip 2026-03-02 12:00 to 2026-03-02 13:00, next 2026-03-02 15:00",
    );
  });

  it("skips all when even the last one is a period old", () => {
    expect(decide("0 9-17 * * *", "2026-03-02 13:00", "2026-03-02 18:00")).toBe(
      "fire none, skip 2026-03-02 13:00 to 2026-03-02 17:00, next 2026-03-03 09:00",
    );
    expect(decide("0 9 * * 1-5", "2026-03-06 09:00", "2026-03-08 10:00")).toBe(
      "fire none, skip 2026-03-06 09:00 to 2026-03-06 09:00, next 2026-03-09 09:00",
    );
  });

  it("keeps a monthly job alive through weeks of down-time", () => {
    expect(decide("0 0 1 * *", "2026-02-01 00:00", "2026-03-20 00:00")).toBe(
      "fire 2026-03-01 00:00, skip 2026-02-01 00:00 to 2026-02-01 00:00, next 2026-04-01 00:00",
    );
  });

  it("takes years of missed minutes in a moment", () => {
    const start = performance.now();
    decide("* 0-11 * * *", "2020-01-01 00:00", "2026-03-02 12:00:30");
    expect(performance.now() - start).toBeLessThan(500);
  });
});
