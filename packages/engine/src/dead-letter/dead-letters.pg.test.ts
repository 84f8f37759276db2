import { randomBytes } from "node:crypto";

import type { RetryOverrides } from "@omnistore/domain/dead-letter/retry-overrides";
import type { DeadLetterSelection, RetryOutcome } from "@omnistore/domain/dead-letter/selection";
import type { DeadLetterQuery } from "@omnistore/domain/history/dead-letter";
import type { Message } from "@omnistore/domain/message/message";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import type { PublishCommand } from "@omnistore/domain/publish/publish-command";
import { PLANS } from "@omnistore/domain/tenant/plans";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { expectWholePaging } from "@omnistore/testkit/paging";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { loadMessages } from "../load-messages.sql.ts";
import { TransactionStore } from "../publish/transaction-store.ts";
import { bySize } from "./by-size.sql.ts";
import { deleteDeadLetters } from "./delete-dead-letters.ts";
import { listDeadLetters } from "./list-dead-letters.ts";
import { retryDeadLetters } from "./retry-dead-letters.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

const MIB = 1024 * 1024;
const asItWas: RetryOverrides = { headers: {}, due: { kind: "now" }, options: {} };

/** A message that was given up `agoMs` ago, with the id of its dead letter. */
async function bury(over: Partial<PublishCommand> = {}, agoMs = 0, status = 500) {
  const message = await engine.store(over);
  const unixMs = Math.floor(engine.core.clock.nowMs()) - agoMs;
  const id = makeUuidV7({ unixMs, random: randomBytes(10) });
  await engine.core.pool.query(
    `WITH gone AS (DELETE FROM deliveries WHERE message_id = $3)
     INSERT INTO dead_letters (tenant_id, id, died_on, message_id, died_at, status)
     SELECT $1, $2, (at AT TIME ZONE 'UTC')::date, $3, at, $5
     FROM to_timestamp($4::float8 / 1000) AS at`,
    [message.tenantId, id, message.id, unixMs, status],
  );
  return { id, message };
}

function retry(selection: DeadLetterSelection, overrides = asItWas): Promise<RetryOutcome> {
  const { pool, clock, vault } = engine.core;
  const day = { spend: async () => null, refund: () => undefined };
  const transactionStore = new TransactionStore(vault);
  const parts = { pool, clock, vault, transactionStore, limits: PLANS.development, day };
  return retryDeadLetters(parts, engine.tenantId, selection, overrides);
}

function remove(selection: DeadLetterSelection, tenantId = engine.tenantId) {
  return deleteDeadLetters(engine.core.pool, tenantId, selection);
}

function retriedIds(outcome: RetryOutcome): readonly string[] {
  if (outcome.kind !== "retried") throw new Error(`not retried: ${outcome.kind}`);
  return outcome.messageIds;
}

async function load(ids: readonly string[]): Promise<readonly Message[]> {
  const keys = ids.map((messageId) => ({ tenantId: engine.tenantId, messageId }));
  const found = await loadMessages(engine.core.pool, engine.core.vault, keys);
  return ids.flatMap((id) => found.get(id) ?? []);
}

function page(query: Partial<DeadLetterQuery> = {}): DeadLetterSelection {
  return { kind: "page", query: { order: "latestFirst", count: 100, ...query } };
}

describe("03 §5 retry", () => {
  test("publishes the whole original under a new id, and the entry is gone", async () => {
    const { id, message } = await bury({
      destination: "http://127.0.0.1:9/hook",
      method: "PUT",
      headers: { "X-A": ["1"], "X-B": ["2", "3"] },
      body: Buffer.from([0, 255, 7]),
      maxRetries: 5,
      options: {
        labels: ["l"],
        queueName: "q",
        topicName: "t",
        scheduleId: "s",
        callerIp: "192.0.2.1",
        redaction: { body: true, headers: "all" },
        flowControl: { key: "k", rate: 2, periodSeconds: 3 },
        callback: { url: "http://127.0.0.1:9/c", method: "POST", headers: {}, options: {} },
      },
    });
    const [newId = ""] = retriedIds(await retry({ kind: "ids", ids: [id] }));
    expect(newId).not.toBe(message.id);
    const [copy] = await load([newId]);
    expect(copy).toMatchObject({ ...message, id: newId });
    expect(await engine.delivery(newId)).toMatchObject({ queue: "q", flow_key: "k", retried: 0 });
    expect(await engine.count("dead_letters")).toBe(0);
  });

  test("changes what it says anew and nothing else", async () => {
    const headers = { "X-A": ["1"], "X-B": ["2"] };
    const { id, message } = await bury({ headers, options: { labels: ["l"], topicName: "t" } });
    const overrides: RetryOverrides = {
      method: "GET",
      headers: { "X-B": ["new"], "X-C": ["3"] },
      due: { kind: "after", delayMs: 60_000 },
      maxRetries: 0,
      options: { labels: ["again"], timeoutMs: 5 },
    };
    const [newId = ""] = retriedIds(await retry({ kind: "ids", ids: [id] }, overrides));
    const [copy] = await load([newId]);
    expect(copy).toMatchObject({
      destination: message.destination,
      body: message.body,
      method: "GET",
      headers: { "X-A": ["1"], "X-B": ["new"], "X-C": ["3"] },
      maxRetries: 0,
      options: { labels: ["again"], topicName: "t", timeoutMs: 5 },
    });
    expect(await engine.delivery(newId)).toMatchObject({ virtual_time: null, owner: null });
  });

  test("of ids that are not all entries changes nothing, and says which are not", async () => {
    const { id } = await bury();
    const strange = makeUuidV7({ unixMs: 1, random: new Uint8Array(10) });
    const outcome = await retry({ kind: "ids", ids: [id, strange] });
    expect(outcome).toEqual({ kind: "unknown-ids", ids: [strange] });
    expect(await engine.count("dead_letters")).toBe(1);
    expect(await engine.count("deliveries")).toBe(0);
  });

  test("of one entry by many at once makes one message", async () => {
    const { id } = await bury();
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => retry({ kind: "ids", ids: [id] })),
    );
    expect(outcomes.filter(({ kind }) => kind === "retried")).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === "unknown-ids")).toHaveLength(7);
    expect(await engine.count("deliveries")).toBe(1);
  });

  test("of everything by many at once makes one message for each entry", async () => {
    const buried = await Promise.all(Array.from({ length: 40 }, () => bury()));
    const outcomes = await Promise.all([retry(page()), retry(page()), retry(page())]);
    const made = outcomes.flatMap(retriedIds);
    expect(new Set(made).size).toBe(made.length);
    expect(made).toHaveLength(buried.length);
    expect(await engine.count("deliveries")).toBe(buried.length);
  });

  test("answers in the order of the ids, each once", async () => {
    const buried = [];
    for (const text of ["a", "b", "c"]) buried.push(await bury({ body: Buffer.from(text) }));
    const ids = buried.toReversed().map(({ id }) => id);
    const made = retriedIds(await retry({ kind: "ids", ids: [...ids, ...ids] }));
    const bodies = (await load(made)).map(({ body }) => body.toString());
    expect(bodies).toEqual(["c", "b", "a"]);
  });

  test("takes a page at a time, newest first, with a cursor until nothing remains", async () => {
    for (const [index, agoMs] of [5_000, 4_000, 3_000, 2_000, 1_000].entries()) {
      await bury({ body: Buffer.from(String(index)), options: { labels: ["l"] } }, agoMs);
    }
    await bury({ options: { labels: ["other"] } });
    const bodies: string[][] = [];
    let cursor: string | undefined;
    do {
      const next = cursor === undefined ? {} : { cursor };
      const outcome = await retry(page({ labels: ["l"], count: 2, ...next }));
      bodies.push((await load(retriedIds(outcome))).map(({ body }) => body.toString()));
      cursor = outcome.kind === "retried" ? outcome.cursor : undefined;
    } while (cursor !== undefined);
    expect(bodies).toEqual([["4", "3"], ["2", "1"], ["0"]]);
    expect(await engine.count("dead_letters")).toBe(1);
  });

  test("keeps the entries when their messages cannot be stored", async () => {
    await bury();
    const { id } = await bury({ destination: "http://127.0.0.1:9/refused" });
    await engine.owner.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW
        WHEN (NEW.destination LIKE '%refused') EXECUTE FUNCTION refuse()`);
    await expect(retry(page())).rejects.toThrow("disk full");
    await expect(retry({ kind: "ids", ids: [id] })).rejects.toThrow("disk full");
    expect(await engine.count("dead_letters")).toBe(2);
    expect(await engine.count("deliveries")).toBe(0);
  });

  test("of large bodies goes by batches that fit into memory", async () => {
    const bodies = Array.from({ length: 5 }, (_, index) => Buffer.alloc(7 * MIB, index));
    const buried = [];
    for (const body of bodies) buried.push(await bury({ body }));
    const messageIds = buried.map(({ message }) => message.id);
    const batches = await bySize(engine.core.pool, engine.tenantId, messageIds);
    expect(batches.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(batches.flat()).toEqual(messageIds);
    const made = await retry({ kind: "ids", ids: buried.map(({ id }) => id) });
    const copies = await load(retriedIds(made));
    expect(copies.map(({ body }, index) => body.equals(bodies[index] ?? body))).toEqual(
      bodies.map(() => true),
    );
  });

  test("refuses a cursor that is none", async () => {
    await bury();
    await expect(retry(page({ cursor: "mine" }))).resolves.toEqual({ kind: "bad-cursor" });
    expect(await engine.count("dead_letters")).toBe(1);
  });
});

describe("03 §5 delete", () => {
  test("removes the entries of the ids, of this tenant only, and passes over the rest", async () => {
    const [first, second] = [await bury(), await bury()];
    const strange = makeUuidV7({ unixMs: 1, random: new Uint8Array(10) });
    const ids = { kind: "ids", ids: [first.id, strange, first.id] } as const;
    await expect(remove(ids, crypto.randomUUID())).resolves.toEqual({
      kind: "deleted",
      deleted: 0,
    });
    await expect(remove(ids)).resolves.toEqual({ kind: "deleted", deleted: 1 });
    await expect(remove(ids)).resolves.toEqual({ kind: "deleted", deleted: 0 });
    const left = await listDeadLetters(engine.core.pool, engine.core.vault, engine.tenantId, {
      order: "latestFirst",
      count: 10,
    });
    expect(left.kind === "page" && left.page.items.map(({ id }) => id)).toEqual([second.id]);
  });

  test("removes what passes every filter", async () => {
    const options = {
      labels: ["l"],
      topicName: "t",
      scheduleId: "s",
      queueName: "q",
      callerIp: "192.0.2.1",
      flowControl: { key: "k", parallelism: 1, periodSeconds: 1 },
    };
    const destination = "http://127.0.0.1:9/filtered";
    const filters: Partial<DeadLetterQuery>[] = [
      { urls: [destination] },
      { labels: ["l", "x"] },
      { topicNames: ["t"] },
      { scheduleIds: ["s"] },
      { queueNames: ["q"] },
      { callerIps: ["192.0.2.1"] },
      { flowControlKeys: ["k"] },
      { responseStatuses: [404, 418] },
    ];
    await bury();
    for (const filter of [...filters, Object.assign({}, ...filters)]) {
      const { message } = await bury({ destination, options }, 0, 418);
      const byId = page({ messageId: message.id, labels: ["none"] });
      await expect(remove(byId)).resolves.toEqual({ kind: "deleted", deleted: 0 });
      await expect(remove(page(filter)), JSON.stringify(filter)).resolves.toEqual({
        kind: "deleted",
        deleted: 1,
      });
    }
    const { message } = await bury();
    await expect(remove(page({ messageId: message.id }))).resolves.toMatchObject({ deleted: 1 });
    expect(await engine.count("dead_letters")).toBe(1);
  });

  test("removes a page at a time, from either end, within the times given", async () => {
    const at = Math.floor(engine.core.clock.nowMs());
    const buried = [];
    for (const agoMs of [4_000, 3_000, 2_000, 1_000]) buried.push(await bury({}, agoMs));
    const oldest = await remove(page({ order: "earliestFirst", count: 1 }));
    expect(oldest).toEqual({ kind: "deleted", deleted: 1, cursor: buried[0]?.id });
    const recent = await remove(page({ fromMs: at - 2_500 }));
    expect(recent).toEqual({ kind: "deleted", deleted: 2 });
    const early = await remove(page({ toMs: at - 2_500 }));
    expect(early).toEqual({ kind: "deleted", deleted: 1 });
  });
});

async function list(cursor?: string, over: Partial<DeadLetterQuery> = {}) {
  const { pool, vault } = engine.core;
  const query = { order: "latestFirst", count: 2, ...over } as const;
  const given = cursor === undefined ? query : { ...query, cursor };
  const outcome = await listDeadLetters(pool, vault, engine.tenantId, given);
  if (outcome.kind !== "page") throw new Error("the cursor was refused");
  return { ids: outcome.page.items.map(({ id }) => id), cursor: outcome.page.cursor };
}

function expire(ids: readonly string[]) {
  return engine.core.pool.query("DELETE FROM dead_letters WHERE tenant_id = $1 AND id = ANY($2)", [
    engine.tenantId,
    ids,
  ]);
}

describe("07 Q43 a list whose entries expire while it is read", () => {
  test("goes on behind the last entry seen, which may be gone, and has short pages at worst", async () => {
    const buried = [];
    for (const agoMs of [1_000, 2_000, 3_000, 4_000, 5_000]) buried.push(await bury({}, agoMs));
    const [first = "", second = "", third = "", fourth = "", fifth = ""] = buried.map(
      ({ id }) => id,
    );
    const page1 = await list();
    expect(page1).toEqual({ ids: [first, second], cursor: second });
    await expire([second, third]);
    expect(await list(page1.cursor)).toEqual({ ids: [fourth, fifth], cursor: undefined });
    await expire([fourth]);
    expect(await list(page1.cursor)).toEqual({ ids: [fifth], cursor: undefined });
    await expire([first, fifth]);
    expect(await list(page1.cursor)).toEqual({ ids: [], cursor: undefined });
  });

  test("shows each entry that stays once, in order, however pages are cut and entries come and go", async () => {
    expect.hasAssertions();
    await expectWholePaging({
      come: async (agoMs) => [(await bury({}, agoMs)).id],
      go: expire,
      page: async ({ cursor, ...query }) => {
        const { ids, cursor: next } = await list(cursor, query);
        return { keys: ids, cursor: next };
      },
      clear: () =>
        engine.core.pool.query("DELETE FROM dead_letters WHERE tenant_id = $1", [engine.tenantId]),
    });
  });
});

describe("03 §5 a page of dead letters with large contents", () => {
  test.each(["latestFirst", "earliestFirst"] as const)(
    "ends before its bodies and answers are too much, and the next goes on from there: %s",
    async (order) => {
      const sizes = [9, 9, 0, 1, 18, 0, 2, 10, 4];
      const buried: string[] = [];
      for (const [index, mebibytes] of sizes.entries()) {
        const body = Buffer.alloc(mebibytes * MIB, index);
        buried.push((await bury({ body }, 10_000 - index * 1000)).id);
      }
      // The last answer, of 3 MiB, is what its page has no room for.
      await engine.core.pool.query(
        `UPDATE dead_letters SET response_headers = '{}', response_body = $3
         WHERE tenant_id = $1 AND id = $2`,
        [engine.tenantId, buried.at(-1), Buffer.alloc(3 * MIB)],
      );
      const pages: (readonly string[])[] = [];
      let cursor: string | undefined;
      do {
        const shown = await list(cursor, { order, count: 5 });
        pages.push(shown.ids);
        cursor = shown.cursor;
      } while (cursor !== undefined);
      const sizesShown = pages.map((ids) => ids.map((id) => sizes[buried.indexOf(id)]));
      expect(sizesShown).toEqual(
        order === "earliestFirst"
          ? [[9], [9, 0, 1], [18], [0, 2, 10], [4]]
          : [[4], [10, 2, 0], [18], [1, 0, 9], [9]],
      );
    },
  );
});
