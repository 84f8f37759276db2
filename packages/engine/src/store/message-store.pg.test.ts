import type { Message } from "@omnistore/domain/message/message";
import { PLANS } from "@omnistore/domain/tenant/plans";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { loadInPieces, loadMessages } from "../load-messages.sql.ts";
import { deduplicationKey } from "../publish/deduplication-key.ts";
import { makeMessage } from "../publish/make-message.ts";
import { publishTogether } from "../publish/publish.ts";
import type { DirectLane } from "./direct-lane.ts";
import { MessageStore } from "./message-store.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

function openStore(directLane?: DirectLane) {
  let announced = 0;
  const store = new MessageStore({
    pool: engine.core.pool,
    clock: engine.core.clock,
    directLane,
    onStored: () => {
      announced += 1;
    },
  });
  const parts = {
    store,
    clock: engine.core.clock,
    vault: engine.core.vault,
    onError: () => undefined,
  };
  type Commands = readonly Parameters<TestEngine["command"]>[0][];
  return {
    store,
    announced: () => announced,
    putTogether: (commands: Commands) =>
      publishTogether(
        parts,
        commands.map((over) => engine.command(over)),
        PLANS.development,
      ),
    put: (over: Parameters<TestEngine["command"]>[0] = {}) => {
      const command = engine.command(over);
      const message = makeMessage(command, engine.core.clock.nowMs(), PLANS.development);
      return store
        .store([{ message, due: command.due, deduplicationKey: deduplicationKey(command) }])
        .then(([answering = ""]) => ({ message, answering }));
    },
  };
}

function lane(owner: string, places: number) {
  const accepted: Message[] = [];
  const released: number[] = [];
  const directLane: DirectLane = {
    reserve: (messages) =>
      places > 0 ? { owner, messages: new Set(messages.slice(0, places)) } : null,
    accept: (_, stored) => void accepted.push(...stored),
    release: ({ messages }) => void released.push(messages.size),
  };
  return { directLane, accepted, released };
}

describe("group commit", () => {
  test("what is stored together is stored whole: bodies, headers, options", async () => {
    const { put } = openStore();
    const bodies = [
      Buffer.alloc(0),
      Buffer.from([0, 1, 255]),
      Buffer.from("text"),
      Buffer.alloc(300_000, 7),
    ];
    const stored = await Promise.all(
      bodies.map((body, index) =>
        put({
          body,
          headers: { "X-Quote": ['a "b" \\ {c},d', "é"] },
          options: { labels: [`label ${index}`], timeoutMs: 5 },
        }),
      ),
    );
    const loaded = await loadMessages(
      engine.core.pool,
      engine.core.vault,
      stored.map(({ message }) => ({ tenantId: engine.tenantId, messageId: message.id })),
    );
    for (const { message } of stored) expect(loaded.get(message.id)).toMatchObject(message);
  });

  test("what is too much for one answer of the database is loaded in pieces, and whole", async () => {
    const { put } = openStore();
    const sizes = [9, 9, 0, 1, 18, 0, 2].map((mebibytes) => mebibytes * 1024 * 1024);
    const stored: Message[] = [];
    for (const [index, size] of sizes.entries())
      stored.push((await put({ body: Buffer.alloc(size, index) })).message);
    const keys = stored.map(({ id }) => ({ tenantId: engine.tenantId, messageId: id }));
    const pieces: number[] = [];
    const loaded = new Map<string, Buffer>();
    const unknownId = makeMessage(
      engine.command(),
      engine.core.clock.nowMs(),
      PLANS.development,
    ).id;
    const missing = { tenantId: engine.tenantId, messageId: unknownId };
    const { pool, vault } = engine.core;
    for await (const piece of loadInPieces(pool, vault, [missing, ...keys])) {
      pieces.push(piece.reduce((sum, { body }) => sum + body.length, 0) / 1024 / 1024);
      for (const { id, body } of piece) loaded.set(id, body);
    }
    expect(pieces).toEqual([9, 10, 18, 2]);
    for (const { id, body } of stored) expect(loaded.get(id)?.equals(body)).toBe(true);
  });

  test("one message that the database cannot take does not take the others down", async () => {
    const { put } = openStore();
    const results = await Promise.allSettled([
      put(),
      put({ destination: "http://nul\0/" }),
      put(),
      put(),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(await engine.count("deliveries")).toBe(3);
  });

  test("a day without a partition is made when it is met", async () => {
    const { put } = openStore();
    const { rows } = await engine.core.pool.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'messages'::regclass",
    );
    for (const { name } of rows) await engine.owner.query(`DROP TABLE ${name}`);
    await put();
    expect(await engine.count("messages")).toBe(1);
  });
});

describe("messages stored together", () => {
  const endpoints = ["http://a.test/", "http://b.test/", "http://c.test/"].map((destination) => ({
    destination,
    options: { topicName: "topic" },
    deduplication: { kind: "id", id: "once" } as const,
  }));

  test("are all there, each with an answer of its own in their order", async () => {
    const { putTogether, put } = openStore();
    const [outcomes, other] = await Promise.all([putTogether(endpoints), put()]);
    const ids = outcomes.map((outcome) => outcome.kind === "accepted" && outcome.messageId);
    const { rows } = await engine.core.pool.query<{ id: string; destination: string }>(
      "SELECT id, destination FROM messages WHERE id <> $1 ORDER BY destination",
      [other.message.id],
    );
    expect(rows.map(({ destination }) => destination)).toEqual(
      endpoints.map(({ destination }) => destination),
    );
    expect(ids).toEqual(rows.map(({ id }) => id));
    expect(await engine.count("deliveries")).toBe(4);
  });

  test("are none of them there when the database refuses one, and others are not harmed", async () => {
    const { putTogether, put } = openStore();
    const [refused] = await Promise.all([
      putTogether([{}, { destination: "http://nul\0/" }, {}]),
      put(),
      put(),
    ]);
    expect(refused.map(({ kind }) => kind)).toEqual(Array(3).fill("unavailable"));
    expect(await engine.count("messages")).toBe(2);
    expect(await engine.count("deliveries")).toBe(2);
  });

  test("answer the first ids when all of it was published before, also at the same time", async () => {
    const { putTogether } = openStore();
    const [first, second] = await Promise.all([putTogether(endpoints), putTogether(endpoints)]);
    const third = await putTogether(endpoints);
    expect(first.map((outcome) => outcome.kind === "accepted" && outcome.deduplicated)).toEqual([
      false,
      false,
      false,
    ]);
    const duplicates = first.map((outcome) => ({ ...outcome, deduplicated: true }));
    expect([second, third]).toEqual([duplicates, duplicates]);
    expect(await engine.count("deliveries")).toBe(3);
  });

  test("may be more than one flush takes", async () => {
    const { putTogether } = openStore();
    const outcomes = await putTogether(Array.from({ length: 700 }, () => ({})));
    expect(outcomes).toHaveLength(700);
    expect(await engine.count("deliveries")).toBe(700);
  });
});

describe("deduplication", () => {
  const once = { deduplication: { kind: "id", id: "once" } } as const;

  test("of two processes at once exactly one message is stored, and both get its id", async () => {
    const [left, right] = [openStore(), openStore()];
    const results = await Promise.all(
      Array.from({ length: 60 }, (_, index) => (index % 2 ? left : right).put(once)),
    );
    expect(new Set(results.map(({ answering }) => answering)).size).toBe(1);
    expect(await engine.count("deliveries")).toBe(1);
    expect(await engine.count("messages")).toBe(1);
  });

  test("07 Q7 when the window has closed, the next message is a new one", async () => {
    const { put } = openStore();
    const first = await put(once);
    await engine.core.pool.query("UPDATE deduplications SET expires_at = now() - interval '1 s'");
    const second = await put(once);
    expect(second.answering).toBe(second.message.id);
    expect(second.answering).not.toBe(first.answering);
    expect((await put(once)).answering).toBe(second.answering);
  });

  test("the same id of another tenant is another message", async () => {
    const { put } = openStore();
    const mine = await put(once);
    const theirs = await put({ ...once, tenantId: "00000000-0000-7000-8000-0000000000ff" });
    expect(theirs.answering).not.toBe(mine.answering);
  });
});

describe("direct lane", () => {
  test("hands over only what fits and is due now; the rest is announced", async () => {
    const owner = await engine.dispatcher();
    const { directLane, accepted } = lane(owner, 2);
    const { put, announced } = openStore(directLane);
    const stored = await Promise.all([
      put(),
      put({ due: { kind: "after", delayMs: 9_000 } }),
      put(),
      put(),
    ]);
    expect(accepted).toHaveLength(2);
    expect(announced()).toBe(1);
    const owners = await Promise.all(
      stored.map(async ({ message }) => (await engine.delivery(message.id))?.["owner"]),
    );
    expect(owners).toEqual([owner, null, owner, null]);
  });

  test("a duplicate is never handed over", async () => {
    const { directLane, accepted } = lane(await engine.dispatcher(), 10);
    const { put } = openStore(directLane);
    await put({ deduplication: { kind: "id", id: "twice" } });
    await put({ deduplication: { kind: "id", id: "twice" } });
    expect(accepted).toHaveLength(1);
  });

  test("a write that fails gives its places back", async () => {
    const { directLane, accepted, released } = lane(await engine.dispatcher(), 10);
    const { put } = openStore(directLane);
    await expect(put({ destination: "http://nul\0/" })).rejects.toThrow("encoding");
    expect(accepted).toEqual([]);
    expect(released).toEqual([1]);
  });
});
