import { randomUUID } from "node:crypto";

import type { DeadLetterQuery } from "@omnistore/domain/history/dead-letter";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { scansOf } from "@omnistore/testkit/scans";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { listDeadLetters } from "./list-dead-letters.ts";
import { pageStatement } from "./select-dead-letters.sql.ts";

/** Two tenants with so many dead letters each, in the same partitions. */
const LETTERS = 15_000;
const PAGE = 20;

let engine: TestEngine;
let middle: string;

beforeAll(async () => {
  engine = await startEngine();
  const letters = await fill(engine.tenantId);
  middle = letters[LETTERS / 2] ?? "";
  await fill(randomUUID());
  await engine.owner.query("ANALYZE");
});
afterAll(() => engine.stop());

/** One letter a quarter of a second, of messages kept for ten days. Returns their ids, oldest first. */
async function fill(tenantId: string): Promise<readonly string[]> {
  const { rows } = await engine.core.pool.query<{ id: string }>(
    `WITH made AS MATERIALIZED (
       SELECT (lpad(to_hex($2::int8 + n * 250), 12, '0') || '700a8' || '001' || lpad(to_hex(n), 12, '0'))::uuid AS message_id,
         (lpad(to_hex($2::int8 + n * 250), 12, '0') || '700a8' || '002' || lpad(to_hex(n), 12, '0'))::uuid AS id
       FROM generate_series(1, $3::int) n
     ), stored AS (
       INSERT INTO messages (tenant_id, id, expires_on, not_before, wire, destination, method,
         headers, body, max_retries, options)
       SELECT $1, message_id, message_expiry_day(message_id), now(), 'qstash', 'https://example.com/',
         'POST', '{}', 'body', 3, '{"labels": ["all"]}' FROM made
     )
     INSERT INTO dead_letters (tenant_id, id, died_on, message_id, died_at, status)
     SELECT $1, id, (now() AT TIME ZONE 'UTC')::date, message_id, now(), 500 FROM made
     RETURNING id`,
    [tenantId, Math.floor(engine.core.clock.nowMs()), LETTERS],
  );
  return rows.map(({ id }) => id);
}

const latest = { order: "latestFirst", count: PAGE } as const;
const cases: readonly (readonly [string, () => DeadLetterQuery])[] = [
  ["no filter", () => latest],
  ["no filter, oldest first", () => ({ ...latest, order: "earliestFirst" })],
  ["from the middle on", () => ({ ...latest, cursor: middle })],
  ["an answer that all had", () => ({ ...latest, responseStatuses: [500] })],
  ["a label that all have", () => ({ ...latest, labels: ["all"] })],
];

describe("03 §5 dead letters are read from an index, a page and no more", () => {
  test.each(cases)("%s", async (_, queryOf) => {
    const query = queryOf();
    const { pool, vault } = engine.core;
    const scans = await scansOf(pool, pageStatement(engine.tenantId, query));
    expect(scans.sequential).toEqual([]);
    expect(scans.rows).toBeGreaterThan(0);
    expect(scans.rows).toBeLessThan(PAGE * 20);
    const outcome = await listDeadLetters(pool, vault, engine.tenantId, query);
    expect(outcome.kind === "page" && outcome.page.items.length).toBe(PAGE);
  });
});
