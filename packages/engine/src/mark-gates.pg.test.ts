import { inTransaction } from "@omnistore/db/client";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openGates } from "./gate/open-gates.ts";
import { writeOutcomes } from "./record/write-outcomes.sql.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

test("a mark that had to wait for somebody who looked at the gate is not lost", async () => {
  const { pool } = engine.core;
  const owner = await engine.dispatcher();
  await engine.store({ options: { queueName: "orders" } });
  const [leased] = await openGates(pool, owner, 1);
  if (!leased) throw new Error("nothing passed");

  let marking: Promise<readonly boolean[]> | undefined;
  await inTransaction(pool, async (looking) => {
    await looking.query("SELECT FROM gates WHERE name = 'orders' FOR UPDATE");
    marking = writeOutcomes(pool, [engine.outcome(leased)]);
    await until(async () => {
      const { rows } = await pool.query("SELECT FROM pg_locks WHERE NOT granted");
      return rows.length > 0;
    });
    await looking.query("UPDATE gates SET due_at = NULL WHERE name = 'orders'");
  });
  await expect(marking).resolves.toEqual([true]);
  const { rows } = await pool.query("SELECT due_at <= now() AS due FROM gates");
  expect(rows).toEqual([{ due: true }]);
});
