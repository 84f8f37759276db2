import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import type { MessageOptions } from "@omnistore/domain/message/message";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { claimDeliveries } from "../claim/claim-deliveries.sql.ts";
import { promoteDue } from "../claim/promote-due.sql.ts";
import type { LeasedDelivery } from "../leased-delivery.ts";
import { writeOutcomes } from "../record/write-outcomes.sql.ts";
import { rescueExpired } from "../rescue/rescue-expired.sql.ts";
import { forgetStart } from "./forget-start.ts";
import { openGates } from "./open-gates.ts";

let engine: TestEngine;
let owner: string;
beforeEach(async () => {
  engine = await startEngine();
  owner = await engine.dispatcher();
});
afterEach(() => engine.stop());

async function put(options: MessageOptions, times = 1): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < times; index += 1) ids.push((await engine.store({ options })).id);
  return ids;
}

const open = (slots = 100) => openGates(engine.core.pool, owner, slots);
const idsOf = (leased: readonly LeasedDelivery[]) => leased.map(({ messageId }) => messageId);

function end(leased: LeasedDelivery, retryDelayMs: number | null = null) {
  const outcome = retryDelayMs === null ? "delivered" : "retry";
  return writeOutcomes(engine.core.pool, [engine.outcome(leased, { outcome, retryDelayMs })]);
}

async function first(leased: readonly LeasedDelivery[]): Promise<LeasedDelivery> {
  const [one] = leased;
  if (!one) throw new Error("nothing passed");
  return one;
}

describe("a queue", () => {
  test("lets one message through at a time, in the order of their arrival", async () => {
    const ids = await put({ queueName: "q" }, 4);
    const order: string[] = [];
    for (const _ of ids) {
      const passed = await open();
      expect(passed).toHaveLength(1);
      await expect(open()).resolves.toEqual([]);
      order.push(...idsOf(passed));
      await end(await first(passed));
    }
    expect(order).toEqual(ids);
  });

  test("waits for the retries of its head, which do not wait at the gate again", async () => {
    const [head, next] = await put({ queueName: "q" }, 2);
    await end(await first(await open()), 1);
    await expect(open()).resolves.toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await promoteDue(engine.core.pool, 10);
    const again = await claimDeliveries(engine.core.pool, owner, 10);
    expect(idsOf(again.leased)).toEqual([head]);
    await expect(open()).resolves.toEqual([]);
    await end(await first(again.leased));
    expect(idsOf(await open())).toEqual([next]);
  });

  test("holds its parallelism, and nothing while it is paused", async () => {
    const ids = await put({ queueName: "q" }, 5);
    await engine.core.pool.query("UPDATE gates SET parallelism = 3, is_paused = true");
    await expect(open()).resolves.toEqual([]);
    await engine.core.pool.query("UPDATE gates SET is_paused = false, due_at = now()");
    expect(idsOf(await open())).toEqual(ids.slice(0, 3));
  });

  test("a message in it that is due later takes its place when it is due", async () => {
    const { id: delayed } = await engine.store({
      options: { queueName: "q" },
      due: { kind: "after", delayMs: 20 },
    });
    const [now] = await put({ queueName: "q" });
    expect(idsOf(await open())).toEqual([now]);
    await new Promise((resolve) => setTimeout(resolve, 40));
    await promoteDue(engine.core.pool, 10);
    expect(await engine.delivery(delayed)).toMatchObject({ gate: 1 });
  });

  test("a callback takes part in the place of its message: the next one waits for it", async () => {
    const [, next] = await put({ queueName: "q" }, 2);
    const head = await first(await open());
    const callback = await engine.store({}, { inQueueOf: "q" });
    await end(head);
    await expect(open()).resolves.toEqual([]);
    const { leased } = await claimDeliveries(engine.core.pool, owner, 10);
    expect(idsOf(leased)).toEqual([callback.id]);
    await end(await first(leased));
    expect(idsOf(await open())).toEqual([next]);
  });
});

const flow = (over: object) => ({ flowControl: { key: "k", periodSeconds: 1, ...over } });

describe("a flow-control key", () => {
  test("never lets more than its parallelism be under way, whoever asks", async () => {
    await put(flow({ parallelism: 3 }), 10);
    const others = [await engine.dispatcher(), await engine.dispatcher()];
    const passed = (
      await Promise.all([
        open(),
        ...others.map((other) => openGates(engine.core.pool, other, 100)),
        open(),
      ])
    ).flat();
    expect(passed).toHaveLength(3);
    await end(await first(passed));
    await expect(open()).resolves.toHaveLength(1);
  });

  test("lets through its rate, then waits for the end of the period", async () => {
    await put(flow({ rate: 2 }), 5);
    const passed = await open();
    expect(passed).toHaveLength(2);
    for (const one of passed) await end(one);
    await expect(open()).resolves.toEqual([]);
    const { nextGateInMs } = await claimDeliveries(engine.core.pool, owner, 1);
    expect(nextGateInMs).toBeGreaterThan(800);
    expect(nextGateInMs).toBeLessThan(1_100);
  });

  test("a start that was never sent gives its place back, once, to its own period only", async () => {
    await put(flow({ rate: 2 }), 5);
    const [one, two] = await open();
    const forget = (leased: LeasedDelivery | undefined) => {
      if (!leased?.counted) throw new Error("no rate counted it");
      return forgetStart(engine.core.pool, engine.tenantId, leased.counted);
    };
    await expect(open()).resolves.toEqual([]);
    await expect(forget(one)).resolves.toBe(true);
    const [third, ...more] = await open();
    expect(more).toEqual([]);
    expect(third?.counted?.isOpening).toBe(false);
    await expect(forget(third)).resolves.toBe(true);
    await expect(forget(two)).resolves.toBe(true);
    // Nothing of that period is left: it never was, and the next start opens one.
    const { rows } = await engine.core.pool.query(
      "SELECT rate_count, period_started_at FROM gates",
    );
    expect(rows).toEqual([{ rate_count: 0, period_started_at: null }]);
    await expect(forget(two)).resolves.toBe(false);
    await expect(open()).resolves.toHaveLength(2);
    await expect(forget(two)).resolves.toBe(false);
    await expect(open()).resolves.toEqual([]);
  });

  test("the newest message brings the rules, unless they are pinned", async () => {
    await put(flow({ parallelism: 1 }));
    await put(flow({ parallelism: 4, rate: 9, periodSeconds: 60 }));
    const rules = async () =>
      (await engine.core.pool.query("SELECT parallelism, rate, period_seconds FROM gates")).rows[0];
    expect(await rules()).toEqual({ parallelism: 4, rate: 9, period_seconds: 60 });
    await engine.core.pool.query("UPDATE gates SET is_pinned_rate = true");
    await put(flow({ parallelism: 2, rate: 1 }));
    expect(await rules()).toEqual({ parallelism: 2, rate: 9, period_seconds: 60 });
  });

  test("a retry passes the gate again", async () => {
    const [id] = await put(flow({ parallelism: 1 }));
    await end(await first(await open()), 1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await promoteDue(engine.core.pool, 10);
    expect((await claimDeliveries(engine.core.pool, owner, 10)).leased).toEqual([]);
    expect(idsOf(await open())).toEqual([id]);
  });

  test("a place that a dead dispatcher held is free once its lease ran out", async () => {
    const ids = await put(flow({ parallelism: 2 }), 3);
    const passed = await open();
    expect(idsOf(passed)).toEqual(ids.slice(0, 2));
    await engine.core.pool.query("DELETE FROM dispatchers WHERE id = $1", [owner]);
    await rescueExpired(engine.core.pool, 60_000);
    owner = await engine.dispatcher();
    expect(idsOf(await open())).toEqual(ids.slice(0, 2));
    await expect(end(await first(passed))).resolves.toEqual([false]);
  });

  test("in a queue, the queue's order comes first and both rules hold", async () => {
    await put({ queueName: "q", ...flow({ parallelism: 1 }) }, 3);
    await engine.core.pool.query("UPDATE gates SET parallelism = 2 WHERE kind = 1");
    const passed = await open();
    expect(passed).toHaveLength(1);
    const waiting = await engine.core.pool.query("SELECT gate FROM deliveries WHERE owner IS NULL");
    expect(waiting.rows.map(({ gate }) => gate).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });
});

test("slots are shared: a long queue of one gate does not keep the others shut", async () => {
  await put({ flowControl: { key: "a", parallelism: 50, periodSeconds: 1 } }, 20);
  await put({ flowControl: { key: "b", parallelism: 50, periodSeconds: 1 } }, 5);
  const passed = await open(10);
  expect(passed).toHaveLength(10);
  const { rows } = await engine.core.pool.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM deliveries WHERE owner IS NOT NULL GROUP BY flow_key ORDER BY flow_key",
  );
  expect(rows.map(({ n }) => n)).toEqual([5, 5]);
  // The share of a gate where nobody waits any more goes to the others from the next look on.
  await expect(open(10)).resolves.toHaveLength(5);
  await expect(open(10)).resolves.toHaveLength(10);
});
