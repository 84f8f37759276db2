import { setTimeout as sleep } from "node:timers/promises";

import { connect, inTransaction } from "@omnistore/db/client";
import type { CancelSelection } from "@omnistore/domain/cancel/cancel-selection";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { claimDeliveries } from "../claim/claim-deliveries.sql.ts";
import type { LeasedDelivery } from "../leased-delivery.ts";
import { openGates } from "../gate/open-gates.ts";
import { listLogs } from "../history/list-logs.ts";
import { writeOutcomes } from "../record/write-outcomes.sql.ts";
import { cancelMessages } from "./cancel-messages.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

const everything: CancelSelection = { kind: "filter", filter: {} };
const later = { due: { kind: "after", delayMs: 60_000 } } as const;

function cancel(selection: CancelSelection, tenantId = engine.tenantId): Promise<number> {
  return cancelMessages(engine.core.pool, tenantId, selection);
}

async function storeMany(count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => engine.store()));
}

async function statesOf(messageId: string): Promise<string[]> {
  const query = { messageIds: [messageId], order: "earliestFirst", count: 100 } as const;
  const outcome = await listLogs(engine.core.pool, engine.core.vault, engine.tenantId, query);
  return outcome.kind === "page" ? outcome.page.items.map(({ state }) => state) : [];
}

/** Records that attempts failed, to be made again in a minute. */
function fail(leased: readonly LeasedDelivery[]): Promise<readonly boolean[]> {
  const outcomes = leased.map((lease) =>
    engine.outcome(lease, {
      outcome: "retry",
      retryDelayMs: 60_000,
      status: 500,
      error: "destination answered 500",
    }),
  );
  return writeOutcomes(engine.core.pool, outcomes);
}

describe("03 §1 cancel", () => {
  test("takes a message out of the queue whatever its state, and the log says so", async () => {
    const owner = await engine.dispatcher();
    const leased = await engine.store();
    await claimDeliveries(engine.core.pool, owner, 10);
    const ready = await engine.store();
    const delayed = await engine.store(later);
    const parked = await engine.store({ options: { queueName: "q" } });
    const ids = [leased, ready, delayed, parked].map(({ id }) => id);

    await expect(cancel({ kind: "ids", messageIds: ids })).resolves.toBe(4);
    expect(await engine.count("deliveries")).toBe(0);
    const cancelled = ["CREATED", "CANCEL_REQUESTED", "CANCELED"];
    await expect(statesOf(ready.id)).resolves.toEqual(cancelled);
    await expect(statesOf(delayed.id)).resolves.toEqual(cancelled);
    await expect(statesOf(parked.id)).resolves.toEqual(cancelled);
    // Its attempt had begun, and may still arrive.
    await expect(statesOf(leased.id)).resolves.toEqual([
      "CREATED",
      "ACTIVE",
      "CANCEL_REQUESTED",
      "CANCELED",
    ]);
    await expect(cancel({ kind: "ids", messageIds: ids })).resolves.toBe(0);
  });

  test("is logged behind the message, also where the clock of the lease was behind", async () => {
    const message = await engine.store();
    await claimDeliveries(engine.core.pool, await engine.dispatcher(), 1);
    await engine.core.pool.query(
      "UPDATE deliveries SET leased_at = leased_at - interval '5 s' WHERE message_id = $1",
      [message.id],
    );
    await expect(cancel({ kind: "ids", messageIds: [message.id] })).resolves.toBe(1);
    expect(await statesOf(message.id)).toEqual([
      "CREATED",
      "ACTIVE",
      "CANCEL_REQUESTED",
      "CANCELED",
    ]);
  });

  test("fences the attempt that is under way: its outcome changes and logs nothing", async () => {
    const owner = await engine.dispatcher();
    const message = await engine.store();
    const { leased } = await claimDeliveries(engine.core.pool, owner, 1);
    await cancel(everything);
    await expect(fail(leased)).resolves.toEqual([false]);
    expect(await engine.delivery(message.id)).toBeUndefined();
    expect((await statesOf(message.id)).at(-1)).toBe("CANCELED");
  });

  test("of a message that waits for a retry keeps what its attempts came to", async () => {
    const owner = await engine.dispatcher();
    const message = await engine.store();
    const { leased } = await claimDeliveries(engine.core.pool, owner, 1);
    await expect(fail(leased)).resolves.toEqual([true]);
    await expect(cancel({ kind: "ids", messageIds: [message.id] })).resolves.toBe(1);
    await expect(statesOf(message.id)).resolves.toEqual([
      "CREATED",
      "ACTIVE",
      "ERROR",
      "RETRY",
      "CANCEL_REQUESTED",
      "CANCELED",
    ]);
  });

  test("takes every message of the tenant and none of another, in as many batches as it needs", async () => {
    const other = crypto.randomUUID();
    await storeMany(1_203);
    const foreign = await engine.store({ tenantId: other });
    await expect(cancel(everything)).resolves.toBe(1_203);
    expect(await engine.count("deliveries")).toBe(1);
    await expect(cancel({ kind: "ids", messageIds: [foreign.id] })).resolves.toBe(0);
    await expect(cancel(everything, other)).resolves.toBe(1);
  });

  test("takes many ids, and passes over those that no waiting message has", async () => {
    const messages = await Promise.all(Array.from({ length: 1_100 }, () => engine.store()));
    const unknown = Array.from({ length: 50 }, () => messages[0]?.id.replace(/.{8}$/, "00000000"));
    const messageIds = [...messages.map(({ id }) => id), ...unknown.map((id) => id ?? "")];
    await expect(cancel({ kind: "ids", messageIds })).resolves.toBe(1_100);
  });

  test("stops at the count, the oldest first, also between batches", async () => {
    await storeMany(700);
    const youngest = await engine.store();
    await expect(cancel({ ...everything, count: 500 })).resolves.toBe(500);
    await expect(cancel({ ...everything, count: 3 })).resolves.toBe(3);
    expect(await engine.count("deliveries")).toBe(198);
    expect(await engine.delivery(youngest.id)).toBeDefined();
  });

  test("takes what passes every filter, the values of one being alternatives", async () => {
    const destination = "https://user@example.com:8443/a/b?c=d";
    const options = {
      labels: ["red", "green"],
      callerIp: "192.0.2.1",
      topicName: "t",
      scheduleId: "s",
      queueName: "q",
      flowControl: { key: "k", parallelism: 1, periodSeconds: 1 },
    };
    const filters = [
      { urls: [destination] },
      { hosts: ["else", "example.com:8443"] },
      { paths: ["/a/b"] },
      { labels: ["blue", "green"] },
      { callerIps: ["192.0.2.1"] },
      { topicNames: ["t"] },
      { scheduleIds: ["s"] },
      { queueNames: ["q"] },
      { flowControlKeys: ["k"] },
    ];
    for (const filter of [...filters, Object.assign({}, ...filters)]) {
      const plain = await engine.store();
      const meant = await engine.store({ destination, options });
      await expect(cancel({ kind: "filter", filter }), JSON.stringify(filter)).resolves.toBe(1);
      expect(await engine.delivery(meant.id)).toBeUndefined();
      expect(await engine.delivery(plain.id)).toBeDefined();
    }
    await engine.store({ destination, options });
    const contradiction = { labels: ["red"], topicNames: ["other"] };
    await expect(cancel({ kind: "filter", filter: contradiction })).resolves.toBe(0);
  });

  test("takes what was accepted between two times, both included", async () => {
    const first = await engine.store();
    await sleep(5);
    const second = await engine.store();
    await sleep(5);
    const third = await engine.store();
    const at = Number.parseInt(second.id.replace("-", "").slice(0, 12), 16);
    await expect(cancel({ ...everything, fromMs: at, toMs: at })).resolves.toBe(1);
    expect(await engine.delivery(second.id)).toBeUndefined();
    await expect(cancel({ ...everything, fromMs: at })).resolves.toBe(1);
    expect(await engine.delivery(third.id)).toBeUndefined();
    expect(await engine.delivery(first.id)).toBeDefined();
  });

  test("waits for what somebody holds without holding anything itself", async () => {
    await storeMany(20);
    const held = await engine.store();
    let cancelling: Promise<number> | undefined;
    await inTransaction(engine.core.pool, async (client) => {
      await client.query("SELECT FROM deliveries WHERE message_id = $1 FOR UPDATE", [held.id]);
      cancelling = cancel(everything);
      while ((await engine.count("deliveries")) > 1) await sleep(5);
    });
    await expect(cancelling).resolves.toBe(21);
  });

  test("reads what it cancels and not all that waits, also before statistics know how much that is", async () => {
    const { rows: made } = await engine.core.pool.query<{ message_id: string }>(
      `INSERT INTO deliveries (tenant_id, message_id, due_at)
       SELECT $1, gen_random_uuid(), now() + interval '1 day' FROM generate_series(1, 20000)
       RETURNING message_id`,
      [engine.tenantId],
    );
    // One connection, so that what it has counted can be asked of it.
    const pool = connect({ databaseUrl: engine.core.databaseUrl, maxConnections: 1 });
    const rowsRead = async () => {
      await pool.query("SELECT pg_stat_force_next_flush()");
      const { rows } = await pool.query<{ read: number }>(
        `SELECT (seq_tup_read + idx_tup_fetch)::int AS read FROM pg_stat_user_tables
         WHERE relname = 'deliveries'`,
      );
      return rows[0]?.read ?? 0;
    };
    const before = await rowsRead();
    const messageIds = made.slice(0, 500).map((row) => row.message_id);
    await expect(cancelMessages(pool, engine.tenantId, { kind: "ids", messageIds })).resolves.toBe(
      500,
    );
    const read = (await rowsRead()) - before;
    await pool.end();
    expect(read).toBeGreaterThanOrEqual(500);
    expect(read).toBeLessThan(5_000);
  });

  test("stops at a failure in the middle; said again, it does the rest", async () => {
    await storeMany(600);
    await engine.owner.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
      CREATE TRIGGER refuse BEFORE DELETE ON deliveries FOR EACH ROW
        WHEN (OLD.retried = 7) EXECUTE FUNCTION refuse();
      UPDATE deliveries SET retried = 7
      WHERE message_id = (SELECT message_id FROM deliveries ORDER BY message_id DESC LIMIT 1)`);
    await expect(cancel(everything)).rejects.toThrow("disk full");
    expect(await engine.count("deliveries")).toBe(100);
    expect(await engine.count("delivery_logs")).toBe(500);
    await engine.owner.query("DROP TRIGGER refuse ON deliveries");
    await expect(cancel(everything)).resolves.toBe(100);
  });
});

describe("07 cancel at a gate", () => {
  test("a place that a cancelled message had is free for the next one", async () => {
    const owner = await engine.dispatcher();
    const flowControl = { key: "k", parallelism: 1, periodSeconds: 1 };
    for (const options of [{ queueName: "q" }, { flowControl }]) {
      const first = await engine.store({ options });
      const second = await engine.store({ options });
      const opened = await openGates(engine.core.pool, owner, 10);
      expect(opened.map(({ messageId }) => messageId)).toEqual([first.id]);
      await expect(openGates(engine.core.pool, owner, 10)).resolves.toEqual([]);

      await cancel({ kind: "ids", messageIds: [first.id] });
      const next = await openGates(engine.core.pool, owner, 10);
      expect(next.map(({ messageId }) => messageId)).toEqual([second.id]);
    }
  });
});
