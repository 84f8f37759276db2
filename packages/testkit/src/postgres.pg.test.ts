import pg from "pg";
import { expect, test } from "vitest";

import { freshDatabase } from "./postgres.ts";

async function query(url: string, sql: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test("a fresh database is migrated, and nobody else's", async () => {
  const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
  try {
    const tables = "SELECT to_regclass('deliveries') IS NOT NULL AS migrated";
    expect(await query(one.url, tables)).toEqual([{ migrated: true }]);
    await query(one.url, "CREATE TABLE mine ()");
    expect(await query(other.url, "SELECT to_regclass('mine') AS mine")).toEqual([{ mine: null }]);
  } finally {
    await Promise.all([one.drop(), other.drop()]);
  }
  await expect(query(one.url, "SELECT 1")).rejects.toThrow("does not exist");
});
