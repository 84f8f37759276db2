import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { pageOfFlowControlKeys } from "./gate/flow-control-keys.sql.ts";
import { pageOfQueues } from "./gate/queues.sql.ts";
import { inPages, type ListPage } from "./in-pages.ts";
import { pageOfSchedules } from "./schedule/select-schedules.sql.ts";
import { pageOfTopics } from "./topic/select-topics.sql.ts";

const MEBIBYTE = 1024 * 1024;

let engine: TestEngine;
let tenantId: string;
beforeAll(async () => {
  engine = await startEngine();
  ({ tenantId } = engine);
});
afterAll(() => engine.stop());

async function pagesOf<Item, Position>(
  read: (after: Position | null) => Promise<ListPage<Item, Position>>,
): Promise<(readonly Item[])[]> {
  const pages = [];
  for await (const page of inPages(read)) pages.push(page);
  return pages;
}

const schedulePages = () =>
  pagesOf((after: Parameters<typeof pageOfSchedules>[3]) =>
    pageOfSchedules(engine.core.pool, engine.core.vault, tenantId, after),
  );
const topicPages = () =>
  pagesOf((after: Parameters<typeof pageOfTopics>[3]) =>
    pageOfTopics(engine.core.pool, engine.core.vault, tenantId, after),
  );

/** Names of equal length, each of them in the list once and in its order. */
const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `n${String(index + 1).padStart(4, "0")}`);

/** Three at a time are made at the same microsecond. */
const insertSchedules = (count: number, bodyBytes: number) =>
  engine.owner.query(
    `INSERT INTO schedules (tenant_id, id, cron, wire, destination, method, headers, body, max_retries, created_at)
     SELECT $1, 'n' || lpad(n::text, 4, '0'), '0 0 1 1 *', 'qstash', 'https://example.com/', 'POST', '{}',
       decode(repeat('61', $3), 'hex'), 3, timestamptz '2026-01-01' + (n / 3) * interval '1 microsecond'
     FROM generate_series(1, $2) n`,
    [tenantId, count, bodyBytes],
  );

describe("a list that has no cursor is read in pages", () => {
  test("of schedules: 60 bodies of a mebibyte never come together, and none is left out", async () => {
    await insertSchedules(60, MEBIBYTE + 1);
    const pages = await schedulePages();
    const most = Math.max(
      ...pages.map((page) => page.reduce((sum, { template }) => sum + template.body.length, 0)),
    );
    expect(most).toBeLessThan(2 * MEBIBYTE);
    expect(pages.flat().map(({ id }) => id)).toEqual(numbered(60));
    await engine.owner.query("DELETE FROM schedules");
  });

  test.each([0, 99, 100, 101, 250])("of schedules: all %i small ones, in few pages", async (n) => {
    await insertSchedules(n, 10);
    const pages = await schedulePages();
    expect(pages.flat().map(({ id }) => id)).toEqual(numbered(n));
    expect(pages.length).toBeLessThanOrEqual(Math.floor(n / 100) + 1);
    await engine.owner.query("DELETE FROM schedules");
  });

  test("of topics: endpoints count", async () => {
    await engine.owner.query(
      `INSERT INTO topics (tenant_id, name) SELECT $1, 'n' || lpad(n::text, 4, '0')
       FROM generate_series(1, 20) n`,
      [tenantId],
    );
    await engine.owner.query(
      `INSERT INTO topic_endpoints (tenant_id, topic_name, position, url)
       SELECT tenant_id, name, n, 'https://example.com/' || repeat('a', 8000)
       FROM topics, generate_series(1, 50) n`,
    );
    const pages = await topicPages();
    expect(Math.max(...pages.map((page) => page.length))).toBe(3);
    expect(pages.flat().map(({ name }) => name)).toEqual(numbered(20));
    expect(pages.flat().every(({ endpoints }) => endpoints.length === 50)).toBe(true);
  });

  test("of queues and of flow-control keys: each once, by name, also the last of a full page", async () => {
    for (const [kind, count] of [
      [1, 1000],
      [2, 1201],
    ]) {
      await engine.owner.query(
        `INSERT INTO gates (tenant_id, kind, name) SELECT $1, $2, 'n' || lpad(n::text, 4, '0')
         FROM generate_series(1, $3) n`,
        [tenantId, kind, count],
      );
    }
    const { pool } = engine.core;
    const queues = await pagesOf((after: string | null) => pageOfQueues(pool, tenantId, after));
    expect(queues.flat().map(({ name }) => name)).toEqual(numbered(1000));
    const keys = await pagesOf((after: string | null) =>
      pageOfFlowControlKeys(pool, tenantId, null, after),
    );
    expect(keys.flat().map(({ key }) => key)).toEqual(numbered(1201));
    expect(Math.max(...[...queues, ...keys].map((page) => page.length))).toBe(500);
    const found = await pagesOf((after: string | null) =>
      pageOfFlowControlKeys(pool, tenantId, "00", after),
    );
    expect(found.flat().map(({ key }) => key)).toEqual(
      numbered(1201).filter((name) => name.includes("00")),
    );
  });
});
