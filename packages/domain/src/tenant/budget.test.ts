import fc from "fast-check";
import { expect, test } from "vitest";

import { BUDGETS, coverNeeds, shareOf, windowAt } from "./budget.ts";
import { limitText } from "./limit-text.ts";
import { planOf, PLAN_NAMES, PLANS, UNBOUNDED, type PlanLimits } from "./plans.ts";

test("a share is what is wanted at least, and one in so many of the limit otherwise", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e9 }),
      fc.integer({ min: 1, max: 1e4 }),
      (limit, wanted) => {
        const share = shareOf("day", limit, wanted);
        expect(share).toBeGreaterThanOrEqual(wanted);
        if (share > wanted) expect(share).toBeLessThanOrEqual(limit / BUDGETS.day.shares + 1);
      },
    ),
  );
});

test("a grant covers whole needs in their order, and every one that still fits", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 200 })), fc.nat(2_000), (needs, granted) => {
      const { covered, left } = coverNeeds(needs, granted);
      const used = needs.reduce((sum, need, at) => (covered[at] === true ? sum + need : sum), 0);
      expect(used + left).toBe(granted);
      expect(left).toBeGreaterThanOrEqual(0);
      expect(covered).toHaveLength(needs.length);
      // Whoever was left out would not have fitted behind those before.
      for (const [at, need] of needs.entries()) {
        const before = needs.slice(0, at).filter((_, earlier) => covered[earlier] === true);
        const room = granted - before.reduce((sum, each) => sum + each, 0);
        expect(covered[at]).toBe(need <= room);
      }
    }),
  );
});

test("windows follow each other without a gap", () => {
  expect(windowAt("day", Date.UTC(2026, 0, 2) - 1)).toBe(windowAt("day", Date.UTC(2026, 0, 1)));
  expect(windowAt("day", Date.UTC(2026, 0, 2))).toBe(windowAt("day", Date.UTC(2026, 0, 1)) + 1);
  expect(windowAt("second", 1_999)).toBe(1);
});

test.each(PLAN_NAMES)("plan %s promises no more than the service can do", (name) => {
  const limits = new Map<string, number | null>(Object.entries(PLANS[name]));
  const tooMuch = Object.entries(UNBOUNDED).filter(
    ([limit, most]) => most !== null && (limits.get(limit) ?? Infinity) > most,
  );
  expect(tooMuch).toEqual([]);
});

test("a limit's text tells the plan's from the tenant's own, and what nobody can raise", () => {
  expect(limitText(planOf("free", {}), "queues")).toBe(
    'the limit of 10 queues, which plan "free" sets; the operator can raise it',
  );
  expect(limitText(planOf("enterprise", { messagesPerDay: 7 }), "messagesPerDay")).toBe(
    'the limit of 7 messages a day, which is set for this tenant instead of 100000000 of plan "enterprise"; the operator can raise it',
  );
  expect(limitText(planOf("development", { queues: 3 }), "queues")).toBe(
    'the limit of 3 queues, which is set for this tenant instead of no limit of plan "development"; the operator can raise it',
  );
  expect(limitText(planOf("development", {}), "topics")).toBe(
    `the limit of ${UNBOUNDED.topics} topics, which plan "development" sets; no plan has more`,
  );
});

test("no limit's text holds the name of a field", () => {
  const limits = Object.keys(UNBOUNDED) as (keyof PlanLimits)[];
  const text = limits.map((limit) => limitText(planOf("free", {}), limit)).join("\n");
  expect(limits.filter((limit) => /[A-Z]/.test(limit) && text.includes(limit))).toEqual([]);
});
