import { randomBytes } from "node:crypto";

import { LOG_STATES, type LogEvent, type LogState } from "@omnistore/domain/history/log-event";
import { makeMessageId } from "@omnistore/domain/message/message-id";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { expectWholePaging } from "@omnistore/testkit/paging";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { listLogs } from "./list-logs.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

/** How one attempt may end, and the states that tell so. */
const ENDS = [
  ["delivered", ["DELIVERED"]],
  ["retry", ["ERROR", "RETRY"]],
  ["dead", ["ERROR", "FAILED"]],
] as const satisfies readonly (readonly [string, readonly LogState[]])[];

/** The events of one message of a time: it is created, tried, and told of. */
const RANKS: Readonly<Record<LogState, number>> = {
  CREATED: 0,
  ACTIVE: 1,
  DELIVERED: 2,
  ERROR: 2,
  RETRY: 3,
  FAILED: 3,
  CANCEL_REQUESTED: 2,
  CANCELED: 3,
};

/** Ascends as the log does: by time, then message, then what comes first in its life. */
const keyOf = (timeMs: number, messageId: string, state: LogState) =>
  [timeMs, messageId, RANKS[state], state].join(" ");

/** A message created `agoMs` ago whose one attempt began and ended within two milliseconds, if not within one. */
async function live(agoMs: number): Promise<readonly (readonly [LogState, string])[]> {
  const [random, shape = 0, length = 0] = [randomBytes(16), ...randomBytes(2)];
  const createdMs = Math.floor(engine.core.clock.nowMs()) - agoMs;
  const id = makeMessageId({ unixMs: createdMs, keepDays: 12, random });
  const [outcome, told] = ENDS[shape % ENDS.length] ?? ENDS[0];
  const startedMs = createdMs + (length % 2);
  const endedMs = startedMs + ((length >> 1) % 2);
  await engine.core.pool.query(
    `WITH stored AS (
       INSERT INTO messages (tenant_id, id, expires_on, not_before, wire, destination, method,
         headers, body, max_retries)
       VALUES ($1, $2, message_expiry_day($2), now(), 'qstash', 'https://example.com/', 'POST',
         '{}', 'body', 3)
     )
     INSERT INTO delivery_logs (tenant_id, message_id, retried, logged_on, started_at, ended_at, outcome)
     SELECT $1, $2, 0, (ended AT TIME ZONE 'UTC')::date, to_timestamp($3::float8 / 1000), ended, $5
     FROM to_timestamp($4::float8 / 1000) AS ended`,
    [engine.tenantId, id, startedMs, endedMs, outcome],
  );
  return [
    ["CREATED", keyOf(createdMs, id, "CREATED")],
    ["ACTIVE", keyOf(startedMs, id, "ACTIVE")],
    ...told.map((state) => [state, keyOf(endedMs, id, state)] as const),
  ];
}

function forget(messageIds: readonly string[] | null) {
  return engine.core.pool.query(
    `WITH gone AS (
       DELETE FROM messages WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR id = ANY ($2))
     )
     DELETE FROM delivery_logs WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR message_id = ANY ($2))`,
    [engine.tenantId, messageIds],
  );
}

const told = ({ time, message, state }: LogEvent) => keyOf(time, message.id, state);

describe("03 §8 a log whose entries come and expire while it is read", () => {
  test.each([
    ["all states", LOG_STATES],
    ["states of which one attempt tells two", ["CREATED", "ERROR", "RETRY", "FAILED"]],
    ["one state", ["DELIVERED"]],
  ] as const)(
    "shows each that stays once, in order, however pages are cut: %s",
    async (_, states) => {
      expect.hasAssertions();
      const wanted: ReadonlySet<LogState> = new Set(states);
      const { pool, vault } = engine.core;
      await expectWholePaging({
        async come(agoMs) {
          const events = await live(agoMs);
          return events.flatMap(([state, key]) => (wanted.has(state) ? [key] : []));
        },
        go: (keys) => forget(keys.map((key) => key.split(" ")[1] ?? "")),
        async page({ order, count, cursor }) {
          const query = { order, count, states, ...(cursor === undefined ? {} : { cursor }) };
          const outcome = await listLogs(pool, vault, engine.tenantId, query);
          if (outcome.kind !== "page") throw new Error("the cursor was refused");
          return { keys: outcome.page.items.map(told), cursor: outcome.page.cursor };
        },
        clear: () => forget(null),
      });
    },
  );
});

const MIB = 1024 * 1024;

/** Reads the whole log by its cursors: what each page shows, and its bodies and answers in MiB. */
async function readPages(order: "latestFirst" | "earliestFirst", count: number) {
  const { pool, vault } = engine.core;
  const pages: { readonly keys: readonly string[]; readonly mebibytes: number }[] = [];
  let cursor: string | undefined;
  do {
    const query = { order, count, ...(cursor === undefined ? {} : { cursor }) };
    const outcome = await listLogs(pool, vault, engine.tenantId, query);
    if (outcome.kind !== "page") throw new Error("the cursor was refused");
    const { items } = outcome.page;
    const bytes = items.map(({ message, response }) =>
      [message.body, response?.body].reduce((sum, body) => sum + (body?.length ?? 0), 0),
    );
    const mebibytes = bytes.reduce((sum, length) => sum + length, 0) / MIB;
    pages.push({ keys: items.map(told), mebibytes });
    cursor = outcome.page.cursor;
  } while (cursor !== undefined);
  return pages;
}

describe("03 §8 a page of a log with large contents", () => {
  test.each(["latestFirst", "earliestFirst"] as const)(
    "ends before its bodies, each as often as it is shown, are too much: %s",
    async (order) => {
      const keys: string[] = [];
      for (const [index, mebibytes] of [9, 0, 17, 2].entries()) {
        const events = (await live(10_000 - index * 1000)).map(([, key]) => key);
        const id = events[0]?.split(" ")[1];
        await engine.core.pool.query(
          "UPDATE messages SET body = $3 WHERE tenant_id = $1 AND id = $2",
          [engine.tenantId, id, Buffer.alloc(mebibytes * MIB, index)],
        );
        keys.push(...events);
      }
      // The message of these entries is gone, as when it expires between two statements.
      const [, ...orphans] = await live(500);
      const gone = orphans[0]?.[1].split(" ")[1];
      await engine.core.pool.query("DELETE FROM messages WHERE tenant_id = $1 AND id = $2", [
        engine.tenantId,
        gone,
      ]);
      const sorted = keys.toSorted();
      const wanted = order === "earliestFirst" ? sorted : sorted.toReversed();
      const pages = await readPages(order, 1000);
      expect(pages.flatMap((page) => page.keys)).toEqual(wanted);
      for (const { mebibytes } of pages)
        expect(mebibytes === 17 ? 0 : mebibytes).toBeLessThanOrEqual(16);
    },
  );

  test.each(["latestFirst", "earliestFirst"] as const)(
    "ends before its answers are too much: %s",
    async (order) => {
      const { id } = await engine.store();
      const answers = 300;
      await engine.core.pool.query(
        `INSERT INTO delivery_logs (tenant_id, message_id, retried, logged_on, started_at, ended_at,
           outcome, status, response_headers, response_body)
         SELECT $1, $2, n, (now() AT TIME ZONE 'UTC')::date, now(), now(), 'retry', 500, '{}',
           convert_to(repeat('x', ${128 * 1024}), 'UTF8')
         FROM generate_series(1, ${answers}) AS n`,
        [engine.tenantId, id],
      );
      const pages = await readPages(order, 1000);
      expect(pages.reduce((sum, { keys }) => sum + keys.length, 0)).toBe(1 + 3 * answers);
      expect(pages.reduce((sum, { mebibytes }) => sum + mebibytes, 0)).toBeGreaterThan(37);
      for (const { mebibytes } of pages) expect(mebibytes).toBeLessThanOrEqual(16);
    },
  );
});
