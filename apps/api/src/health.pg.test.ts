import { connect, type Pool } from "@omnistore/db/client";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { afterEach, beforeEach, expect, test } from "vitest";

import { healthRoutes } from "./health.ts";

let database: FreshDatabase;
let pool: Pool;

beforeEach(async () => {
  database = await freshDatabase();
  pool = connect({ databaseUrl: database.url });
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

async function ask(path: string): Promise<readonly [number, unknown]> {
  const answer = await healthRoutes(pool).request(path);
  return [answer.status, await answer.json()];
}

test("a process whose database holds its tables is ready", async () => {
  expect(await ask("/healthz")).toEqual([200, { status: "ok" }]);
  expect(await ask("/readyz")).toEqual([200, { status: "ready" }]);
});

test("without its tables it is alive, not ready, and says what to do", async () => {
  await pool.query("DROP SCHEMA drizzle CASCADE");
  expect(await ask("/healthz")).toEqual([200, { status: "ok" }]);
  expect(await ask("/readyz")).toEqual([
    503,
    { error: "the database is not migrated: run the migrate command" },
  ]);
});

test("without a database it is alive and not ready", async () => {
  await pool.end();
  pool = connect({ databaseUrl: "postgresql://127.0.0.1:9/none" });
  expect(await ask("/healthz")).toEqual([200, { status: "ok" }]);
  expect(await ask("/readyz")).toEqual([503, { error: "the database cannot be reached" }]);
});
