import { windowAt } from "@omnistore/domain/tenant/budget";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { until } from "@omnistore/testkit/until";
import { afterEach, beforeEach, expect, test } from "vitest";

import { chargeBudgets } from "../lease-budgets.sql.ts";
import { Budgets } from "./budgets.ts";

let engine: TestEngine;
let processes: readonly [Budgets, Budgets];
beforeEach(async () => {
  engine = await startEngine();
  const { pool, clock } = engine.core;
  processes = [new Budgets(pool, clock), new Budgets(pool, clock)];
  for (const each of processes) await each.start();
});
afterEach(async () => {
  for (const each of processes) await each.stop();
  await engine.stop();
});

const LIMIT = 50;
const spend = (process: Budgets, amount = 1, limit = LIMIT) =>
  process.spend(engine.tenantId, "day", limit, amount);

test("those who wait for one lease are all served while the budget lasts, and no one beyond it", async () => {
  const [first, second] = processes;
  const attempts = Array.from({ length: LIMIT }, (_, index) => spend(index % 2 ? first : second));
  expect(await Promise.all(attempts)).toEqual(attempts.map(() => null));
  const spent = await spend(first);
  expect(spent).toMatchObject({ budget: "day", limit: LIMIT });
  expect((spent?.resetAtMs ?? 1) % 86_400_000).toBe(0);
});

test("what a process does not use it gives back, and another spends it", async () => {
  const [first, second] = processes;
  // A hundredth of 5,000 is leased at once: 49 of the 50 are left.
  expect(await spend(first, 1, 5_000)).toBeNull();
  expect(await spend(second, 4_999, 5_000)).not.toBeNull();
  await until(async () => (await spend(second, 4_999, 5_000)) === null);
  expect(await spend(second, 1, 5_000)).not.toBeNull();
});

test("what was refunded is spent again, and several at once are taken together or not at all", async () => {
  const [first] = processes;
  expect(await spend(first, LIMIT)).toBeNull();
  first.refund(engine.tenantId, "day", 3);
  expect(await spend(first, 4)).not.toBeNull();
  expect(await spend(first, 3)).toBeNull();
  expect(await spend(first)).not.toBeNull();
});

test("a new limit holds for what is leased from then on", async () => {
  const [first, second] = processes;
  expect(await spend(first, LIMIT)).toBeNull();
  expect(await spend(second, 1, LIMIT - 10)).not.toBeNull();
  await until(async () => (await spend(second, 10, LIMIT + 10)) === null);
});

test("a raised limit is spent at once, also where nothing was left a moment ago", async () => {
  const [first] = processes;
  expect(await spend(first, LIMIT)).toBeNull();
  expect(await spend(first)).not.toBeNull();
  expect(await spend(first, 10, LIMIT + 10)).toBeNull();
  expect(await spend(first, 1, LIMIT + 10)).not.toBeNull();
});

test("what is charged is never refused, and every process spends so much less", async () => {
  const [first, second] = processes;
  const { pool, clock, tenantId } = { ...engine.core, ...engine };
  const window = windowAt("day", clock.nowMs());
  const charge = (amount: number) =>
    chargeBudgets(pool, [{ tenantId, budget: "day", window, amount }]);
  expect(await spend(first, 10)).toBeNull();
  await charge(LIMIT);
  expect(await spend(second)).not.toBeNull();
  await charge(1);
  await until(async () => (await spend(second, 1, LIMIT + 12)) === null);
  expect(await spend(second, 1, LIMIT + 12)).not.toBeNull();
});
