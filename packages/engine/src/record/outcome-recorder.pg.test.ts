import type { FlowControl } from "@omnistore/domain/flow-control/flow-control";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import { PLANS } from "@omnistore/domain/tenant/plans";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { claimDeliveries } from "../claim/claim-deliveries.sql.ts";
import { openGates } from "../gate/open-gates.ts";
import type { LeasedDelivery } from "../leased-delivery.ts";
import { makeMessage } from "../publish/make-message.ts";
import type { MessageToStore } from "../publish/transaction-store.ts";
import { rescueExpired } from "../rescue/rescue-expired.sql.ts";
import { createTenant } from "../tenant/create-tenant.ts";
import { OutcomeRecorder } from "./outcome-recorder.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

function openRecorder() {
  const stored: number[] = [];
  const errors: unknown[] = [];
  const recorder = new OutcomeRecorder({
    pool: engine.core.pool,
    clock: engine.core.clock,
    vault: engine.core.vault,
    plans: engine.core.plans,
    onStored: () => stored.push(1),
    onError: (error) => errors.push(error),
  });
  return { recorder, stored, errors };
}

function callback(over: Parameters<TestEngine["command"]>[0] = {}): MessageToStore {
  const command = engine.command({ destination: "http://127.0.0.1:9/callback", ...over });
  return {
    message: makeMessage(command, engine.core.clock.nowMs(), PLANS.development),
    due: command.due,
  };
}

describe("02 §5 callbacks are stored with the outcome that calls for them", () => {
  test("an outcome that counts brings its callbacks, ready to be delivered, and says so", async () => {
    const leased = await engine.lease();
    const { recorder, stored } = openRecorder();
    const [first, second] = [callback(), callback({ due: { kind: "after", delayMs: 60_000 } })];
    await expect(
      recorder.record(engine.outcome(leased, { callbacks: [first, second] })),
    ).resolves.toBe(true);
    expect(await engine.delivery(leased.messageId)).toBeUndefined();
    const ready = await engine.delivery(first.message.id);
    expect(ready).toMatchObject({ due_at: null, owner: null, virtual_time: expect.any(String) });
    const delayed = await engine.delivery(second.message.id);
    expect(delayed).toMatchObject({ virtual_time: null, due_at: expect.any(Date) });
    expect(stored).toHaveLength(1);
  });

  test("an outcome that came too late publishes no callback", async () => {
    const late = await engine.lease();
    await engine.core.pool.query("DELETE FROM dispatchers WHERE id = $1", [late.owner]);
    await rescueExpired(engine.core.pool, 60_000);
    const [messages, gates] = [await engine.count("messages"), await engine.count("gates")];
    const { recorder } = openRecorder();
    const made = callback({ options: { flowControl: flowControl("never-seen") } });
    const outcome = engine.outcome(late, { callbacks: [made] });
    await expect(recorder.record(outcome)).resolves.toBe(false);
    expect(await engine.count("messages")).toBe(messages);
    expect(await engine.count("gates")).toBe(gates);
    expect(await engine.delivery(late.messageId)).toMatchObject({ retried: 0, owner: null });
  });

  test("one batch tells the outcomes that count from those that do not", async () => {
    const [good, lost, plain] = [await engine.lease(), await engine.lease(), await engine.lease()];
    const { recorder } = openRecorder();
    const [ofGood, ofLost] = [callback(), callback()];
    const results = await Promise.all([
      recorder.record(engine.outcome(good, { callbacks: [ofGood] })),
      recorder.record(engine.outcome({ ...lost, owner: good.owner }, { callbacks: [ofLost] })),
      recorder.record(engine.outcome(plain)),
    ]);
    expect(results).toEqual([true, false, true]);
    expect(await engine.delivery(ofGood.message.id)).toBeDefined();
    expect(await engine.delivery(ofLost.message.id)).toBeUndefined();
    expect(await engine.delivery(lost.messageId)).toMatchObject({ owner: lost.owner });
  });

  test("where a callback cannot be stored, its outcome is not recorded, and others are", async () => {
    const [bad, good] = [await engine.lease(), await engine.lease()];
    const { recorder, errors } = openRecorder();
    const ofGood = callback();
    const results = await Promise.all([
      recorder.record(
        engine.outcome(bad, { callbacks: [callback({ destination: "http://nul\0/" })] }),
      ),
      recorder.record(engine.outcome(good, { callbacks: [ofGood] })),
    ]);
    expect(results).toEqual([false, true]);
    expect(errors).toHaveLength(1);
    expect(await engine.delivery(bad.messageId)).toMatchObject({ owner: bad.owner });
    expect(await engine.delivery(ofGood.message.id)).toBeDefined();
  });

  test("a batch without callbacks opens no transaction", async () => {
    const leased = await engine.lease();
    const { recorder, stored } = openRecorder();
    const connect = engine.core.pool.connect.bind(engine.core.pool);
    const statements: string[] = [];
    const query = engine.core.pool.query.bind(engine.core.pool);
    Object.assign(engine.core.pool, {
      connect: () => Promise.reject(new Error("a transaction was opened")),
      query: async (text: string, values: unknown[]) => {
        statements.push(text);
        const client = await connect();
        try {
          return await client.query(text, values);
        } finally {
          client.release();
        }
      },
    });
    try {
      await expect(recorder.record(engine.outcome(leased))).resolves.toBe(true);
    } finally {
      Object.assign(engine.core.pool, { connect, query });
    }
    expect(statements).toHaveLength(1);
    expect(stored).toHaveLength(0);
  });
});

async function pass(owner: string): Promise<LeasedDelivery> {
  const [leased] = await openGates(engine.core.pool, owner, 10);
  if (!leased) throw new Error("nothing passed");
  return leased;
}

async function leaseOf(tenantId: string): Promise<LeasedDelivery> {
  const message = await engine.store({ tenantId });
  const { leased } = await claimDeliveries(engine.core.pool, await engine.dispatcher(), 500);
  const mine = leased.find(({ messageId }) => messageId === message.id);
  if (mine === undefined) throw new Error("the stored message was not claimed");
  return mine;
}

async function used(tenantId: string): Promise<number | undefined> {
  const { rows } = await engine.core.pool.query<{ leased: number }>(
    "SELECT leased::int FROM budgets WHERE tenant_id = $1",
    [tenantId],
  );
  return rows[0]?.leased;
}

describe("06 §3 callbacks count against the day of their tenant in the transaction that stores them", () => {
  test("so whoever is killed right after it has counted them, also beyond the limit", async () => {
    const { id: tenantId } = await createTenant(engine.core, "limited", "free");
    await engine.core.pool.query(
      `UPDATE tenants SET limits = '{"messagesPerDay": 1}' WHERE tenant_id = $1`,
      [tenantId],
    );
    const { recorder } = openRecorder();
    const callbacks = [callback({ tenantId }), callback({ tenantId })];
    await recorder.record(engine.outcome(await leaseOf(tenantId), { callbacks }));
    expect(await used(tenantId)).toBe(2);
  });

  test("and neither those of an outcome that came too late nor what could not be stored is counted", async () => {
    const { id: tenantId } = await createTenant(engine.core, "limited", "free");
    const [good, lost, bad] = [
      await leaseOf(tenantId),
      await leaseOf(tenantId),
      await leaseOf(tenantId),
    ];
    const { recorder } = openRecorder();
    const made = (leased: LeasedDelivery, destination = "http://127.0.0.1:9/") =>
      recorder.record(engine.outcome(leased, { callbacks: [callback({ tenantId, destination })] }));
    const results = await Promise.all([
      made(good),
      made({ ...lost, owner: good.owner }),
      made(bad, "http://nul\0/"),
    ]);
    expect(results).toEqual([true, false, false]);
    expect(await used(tenantId)).toBe(1);
  });

  test("a tenant without that limit has no row of it", async () => {
    const { id: tenantId } = await createTenant(engine.core, "unlimited");
    const { recorder } = openRecorder();
    const callbacks = [callback({ tenantId })];
    await recorder.record(engine.outcome(await leaseOf(tenantId), { callbacks }));
    expect(await used(tenantId)).toBeUndefined();
  });
});

describe("02 §5, §7 a queue waits for the callbacks of its current message", () => {
  test("the next one passes when the callback and the callback's own have ended", async () => {
    const options = { queueName: "orders" };
    const owner = await engine.dispatcher();
    const [first, second] = [await engine.store({ options }), await engine.store({ options })];
    const head = await pass(owner);
    expect(head.messageId).toBe(first.id);

    const { recorder } = openRecorder();
    const ofFirst = callback();
    await recorder.record(engine.outcome(head, { callbacks: [ofFirst] }));
    await expect(openGates(engine.core.pool, owner, 10)).resolves.toEqual([]);

    const claim = async (id: string) => {
      const { leased } = await claimDeliveries(engine.core.pool, owner, 500);
      const found = leased.find(({ messageId }) => messageId === id);
      if (!found) throw new Error("the callback was not claimed");
      return found;
    };
    const ofCallback = callback();
    const dead = makeUuidV7({ unixMs: Date.now(), random: new Uint8Array(10).fill(7) });
    await recorder.record(
      engine.outcome(await claim(ofFirst.message.id), {
        outcome: "dead",
        deadLetterId: dead,
        callbacks: [ofCallback],
      }),
    );
    await expect(openGates(engine.core.pool, owner, 10)).resolves.toEqual([]);

    await recorder.record(engine.outcome(await claim(ofCallback.message.id)));
    await expect(pass(owner)).resolves.toMatchObject({ messageId: second.id });
  });
});

function flowControl(key: string): FlowControl {
  return { key, parallelism: 50, periodSeconds: 1 };
}

test("recorders whose callbacks share flow-control keys never wait for each other in a circle", async () => {
  const keys = ["a", "b", "c", "d", "e"];
  const { core } = engine;
  const { rows } = await core.pool.query<{ n: number }>(
    "SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()",
  );
  const recorders = [openRecorder(), openRecorder(), openRecorder()];
  for (let round = 0; round < 15; round += 1) {
    const owner = await engine.dispatcher();
    const stored = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        engine.store({ options: { flowControl: flowControl(keys[index % 5] ?? "a") } }),
      ),
    );
    const leased = await openGates(core.pool, owner, 100);
    expect(leased).toHaveLength(stored.length);
    await Promise.all(
      leased.map((delivery, index) => {
        const other = keys[(index * 3 + round) % 5] ?? "a";
        const made = callback({ options: { flowControl: flowControl(other) } });
        const { recorder } = recorders[index % 3] ?? openRecorder();
        return recorder.record(engine.outcome(delivery, { callbacks: [made] }));
      }),
    );
    await core.pool.query("DELETE FROM deliveries");
  }
  expect(recorders.flatMap(({ errors }) => errors)).toEqual([]);
  const after = await core.pool.query<{ n: number }>(
    "SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()",
  );
  expect(after.rows).toEqual(rows);
});
