import { setTimeout as sleep } from "node:timers/promises";

import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { startTcpProxy, type TcpProxy } from "@omnistore/testkit/tcp-proxy";
import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, inTransaction, maintenanceQuery, type Pool } from "./client.ts";

let database: FreshDatabase;
let proxy: TcpProxy;
let pool: Pool;

beforeAll(async () => {
  database = await freshDatabase();
  proxy = await startTcpProxy(database.url);
  pool = connect({ databaseUrl: proxy.url });
});
afterAll(async () => {
  await pool.end();
  await proxy.close();
  await database.drop();
});

describe("a database that goes silent", () => {
  test("gives back the locks of a transaction whose process is paused", async () => {
    const locked = Promise.withResolvers<void>();
    const paused = inTransaction(pool, async (client) => {
      await client.query("LOCK TABLE gates");
      locked.resolve();
      await sleep(7_000);
      await client.query("SELECT 1");
    });
    const waited = inTransaction(pool, async (client) => {
      await locked.promise;
      const start = performance.now();
      await client.query(maintenanceQuery("LOCK TABLE gates"));
      return performance.now() - start;
    });
    await expect(paused).rejects.toThrow(/terminat|not queryable/i);
    expect(await waited).toBeGreaterThan(3_000);
    expect(await waited).toBeLessThan(6_500);
  });

  test("costs one timeout, not one for each dead connection", async () => {
    await Promise.all(Array.from({ length: 10 }, () => pool.query("SELECT pg_sleep(0.2)")));
    expect(pool.idleCount).toBe(10);
    // They have to be silent for as long as the query that finds it out; that is what it waits for.
    proxy.freeze();
    await expect(pool.query("SELECT 1")).rejects.toThrow("timeout");
    await until(async () => pool.idleCount === 0);
    proxy.thaw();
    const start = performance.now();
    await expect(pool.query("SELECT 1")).resolves.toBeDefined();
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
