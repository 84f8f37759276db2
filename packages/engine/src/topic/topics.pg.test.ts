import { MAX_TOPIC_ENDPOINTS, MAX_TOPICS } from "@omnistore/domain/message/limits";
import { UNBOUNDED } from "@omnistore/domain/tenant/plans";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterEach, beforeEach, expect, test } from "vitest";

import { addEndpoints } from "./add-endpoints.ts";
import { deleteTopic, removeEndpoints, setTopicHeaders } from "./change-topic.ts";
import { getTopic, pageOfTopics } from "./select-topics.sql.ts";

const A = { url: "https://a.test/", name: "a" };
const B = { url: "https://b.test/" };
const C = { url: "https://c.test/", name: "c" };

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

const add = (name: string, ...endpoints: Parameters<typeof addEndpoints>[3]) =>
  addEndpoints(engine.core.db, engine.tenantId, name, endpoints, UNBOUNDED);
const all = async () =>
  (await pageOfTopics(engine.core.pool, engine.core.vault, engine.tenantId, null)).items;
const one = (name: string) => getTopic(engine.core.pool, engine.core.vault, engine.tenantId, name);

test("a topic comes with its first endpoint, keeps their order, and goes with the last", async () => {
  const { db } = engine.core;
  await expect(add("t", C, A)).resolves.toEqual({ kind: "added" });
  const before = await one("t");
  expect(before).toMatchObject({ name: "t", endpoints: [C, A], headers: {} });
  await add("t", B, { ...A, url: "https://moved.test/" });
  const after = await one("t");
  expect(after?.endpoints).toEqual([C, { ...A, url: "https://moved.test/" }, B]);
  expect(after?.createdAt).toBe(before?.createdAt);
  expect(after?.updatedAt).toBeGreaterThanOrEqual(before?.updatedAt ?? Number.NaN);

  expect(await removeEndpoints(db, engine.tenantId, "t", [{ name: "a" }, B])).toBe(true);
  expect((await one("t"))?.endpoints).toEqual([C]);
  expect(await removeEndpoints(db, engine.tenantId, "t", [{ url: C.url }])).toBe(true);
  expect(await all()).toEqual([]);
  expect(await removeEndpoints(db, engine.tenantId, "t", [C])).toBe(false);
});

test("an addition that would have a URL called twice adds nothing", async () => {
  await add("t", A, C);
  await expect(add("t", B, { ...A, url: C.url })).resolves.toEqual({
    kind: "doubled-url",
    url: C.url,
    names: ["a", "c"],
  });
  expect((await one("t"))?.endpoints).toEqual([A, C]);
});

test("additions to one topic at the same time all count", async () => {
  const urls = Array.from({ length: 12 }, (_, index) => ({ url: `https://${index}.test/` }));
  await Promise.all(urls.map((endpoint) => add("t", endpoint)));
  const endpoints = (await one("t"))?.endpoints ?? [];
  expect(new Set(endpoints.map(({ url }) => url))).toEqual(new Set(urls.map(({ url }) => url)));
  expect(endpoints).toHaveLength(12);
});

test("a topic takes its most endpoints and not one more, and then none of them", async () => {
  const most = Array.from({ length: MAX_TOPIC_ENDPOINTS }, (_, at) => ({
    url: `https://${at}.test/`,
  }));
  await expect(add("t", ...most)).resolves.toEqual({ kind: "added" });
  const refused = { kind: "too-many-endpoints", count: MAX_TOPIC_ENDPOINTS + 1 };
  await expect(add("t", B)).resolves.toEqual(refused);
  await expect(add("t", ...most)).resolves.toEqual({ kind: "added" });
  expect((await one("t"))?.endpoints).toEqual(most);
  await expect(add("new", ...most, B)).resolves.toEqual(refused);
  expect(await all()).toHaveLength(1);
});

test("a tenant has its most topics and not one more; those it has still change", async () => {
  await engine.core.pool.query(
    "INSERT INTO topics (tenant_id, name) SELECT $1, n::text FROM generate_series(1, $2::int) n",
    [engine.tenantId, MAX_TOPICS - 1],
  );
  await expect(add("last", A)).resolves.toEqual({ kind: "added" });
  await expect(add("one more", A)).resolves.toEqual({ kind: "too-many-topics" });
  expect(await one("one more")).toBeNull();
  await expect(add("last", B)).resolves.toEqual({ kind: "added" });
});

test("headers are replaced whole, outlive changes of endpoints, and need a topic", async () => {
  await add("t", A);
  expect(
    await setTopicHeaders(engine.core, engine.tenantId, "t", { "Upstash-Retries": ["1"] }),
  ).toBe(true);
  expect(await setTopicHeaders(engine.core, engine.tenantId, "t", { "X-A": ["1", "2"] })).toBe(
    true,
  );
  await add("t", B);
  expect(await one("t")).toMatchObject({ headers: { "X-A": ["1", "2"] }, endpoints: [A, B] });
  expect(await setTopicHeaders(engine.core, engine.tenantId, "none", {})).toBe(false);
});

test("topics are listed oldest first, one tenant does not see another's, and a delete takes all of one", async () => {
  for (const name of ["b", "a", "c"]) await add(name, A, B);
  const stranger = "00000000-0000-7000-8000-0000000000ff";
  await addEndpoints(engine.core.db, stranger, "a", [C], UNBOUNDED);
  expect((await all()).map(({ name }) => name)).toEqual(["b", "a", "c"]);
  expect(await deleteTopic(engine.core.db, engine.tenantId, "a")).toBe(true);
  expect(await deleteTopic(engine.core.db, engine.tenantId, "a")).toBe(false);
  expect((await all()).map(({ name }) => name)).toEqual(["b", "c"]);
  expect(await engine.count("topic_endpoints")).toBe(5);
});
