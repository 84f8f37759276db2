import { randomUUID } from "node:crypto";

import type { LogQuery } from "@omnistore/domain/history/log-event";
import { makeMessageId } from "@omnistore/domain/message/message-id";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { scansOf } from "@omnistore/testkit/scans";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { listLogs } from "./list-logs.ts";
import { logStatement } from "./log-statement.sql.ts";

/** Two tenants with so many finished messages each, in the same partitions, and as many that wait. */
const MESSAGES = 15_000;
const PAGE = 20;

let engine: TestEngine;
let ids: readonly string[];
let nowMs: number;

beforeAll(async () => {
  engine = await startEngine();
  nowMs = Math.floor(engine.core.clock.nowMs());
  ids = await fill(engine.tenantId);
  await fill(randomUUID());
  await engine.owner.query("ANALYZE");
});
afterAll(() => engine.stop());

/** One message a quarter of a second, each delivered by its first attempt; ahead, where partitions are. */
async function fill(tenantId: string): Promise<readonly string[]> {
  const made = Array.from({ length: MESSAGES }, (_, index) =>
    makeMessageId({
      unixMs: nowMs + index * 250,
      keepDays: 12 + (index % 3),
      random: Buffer.from(randomUUID().replaceAll("-", ""), "hex"),
    }),
  );
  await engine.core.pool.query(
    `WITH message AS (
       SELECT id, to_timestamp(uuid_unix_ms(id) / 1000.0) AS at
       FROM unnest($2::uuid[]) AS id
     ), stored AS (
       INSERT INTO messages (tenant_id, id, expires_on, not_before, wire, destination, method,
         headers, body, max_retries, options)
       SELECT $1, id, message_expiry_day(id), at, 'qstash', 'https://example.com/', 'POST', '{}',
         'body', 3, '{"labels": ["all"]}' FROM message
     ), waiting AS (
       INSERT INTO deliveries (tenant_id, message_id, due_at)
       SELECT $1, gen_random_uuid(), at + interval '1 day' FROM message
     )
     INSERT INTO delivery_logs (tenant_id, message_id, retried, logged_on, started_at, ended_at, outcome)
     SELECT $1, id, 0, (at AT TIME ZONE 'UTC')::date, at + interval '1 ms', at + interval '2 ms', 'delivered' FROM message`,
    [tenantId, made],
  );
  return made;
}

const latest = { order: "latestFirst", count: PAGE } as const;
const cases: readonly (readonly [string, () => LogQuery])[] = [
  ["no filter", () => latest],
  ["no filter, oldest first", () => ({ ...latest, order: "earliestFirst" })],
  ["one message", () => ({ ...latest, messageIds: ids.slice(77, 78) })],
  ["twenty messages", () => ({ ...latest, messageIds: ids.slice(5_000, 5_020) })],
  ["a range of time", () => ({ ...latest, fromMs: nowMs + 600_000, toMs: nowMs + 900_000 })],
  ["a state", () => ({ ...latest, states: ["DELIVERED"] })],
  ["a label that all have", () => ({ ...latest, labels: ["all"] })],
];

describe("03 §8 the log is read from an index, a page and no more", () => {
  test.each(cases)("%s", async (_, queryOf) => {
    const query = queryOf();
    const scans = await scansOf(engine.core.pool, logStatement(engine.tenantId, query, null));
    expect(scans.sequential).toEqual([]);
    expect(scans.rows).toBeGreaterThan(0);
    expect(scans.rows).toBeLessThan(PAGE * 20);
    const outcome = await listLogs(engine.core.pool, engine.core.vault, engine.tenantId, query);
    expect(outcome.kind === "page" && outcome.page.items.length).toBeGreaterThanOrEqual(3);
  });
});

describe("03 §8 pages of the log", () => {
  test.each(["latestFirst", "earliestFirst"] as const)(
    "join without gap or double, %s",
    async (order) => {
      const range = { fromMs: nowMs, toMs: nowMs + 10_000 };
      const all = await listLogs(engine.core.pool, engine.core.vault, engine.tenantId, {
        order,
        count: 1_000,
        ...range,
      });
      if (all.kind !== "page") throw new Error("no page");
      expect(all.page.cursor).toBeUndefined();
      expect(all.page.items.length).toBeGreaterThan(100);
      const paged = [];
      let cursor: string | undefined;
      do {
        const query = { order, count: 7, ...range, ...(cursor === undefined ? {} : { cursor }) };
        const outcome = await listLogs(engine.core.pool, engine.core.vault, engine.tenantId, query);
        if (outcome.kind !== "page") throw new Error("no page");
        paged.push(...outcome.page.items);
        cursor = outcome.page.cursor;
      } while (cursor !== undefined);
      expect(paged).toEqual(all.page.items);
      const times = paged.map(({ time }) => time);
      expect(times).toEqual(times.toSorted((a, b) => (order === "latestFirst" ? b - a : a - b)));
    },
  );
});
