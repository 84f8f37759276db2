import { createDatabase, dropDatabase } from "@omnistore/testkit/postgres";
import pg from "pg";
import { afterEach, expect, inject, test } from "vitest";

import { migrate } from "./migrate.ts";

const { serverUrl } = inject("postgres");
let name: string | undefined;
afterEach(async () => {
  if (name !== undefined) await dropDatabase(serverUrl, name);
});

test("a database that is not UTF8 is refused in words before anything is made in it", async () => {
  const made = await createDatabase(serverUrl, {
    namePrefix: "omnistore_latin",
    template: "template0",
    encoding: "LATIN1",
  });
  name = made.name;
  await expect(migrate(made.url)).rejects.toThrow(
    `the database "${made.name}" has the encoding LATIN1`,
  );
  const client = new pg.Client({ connectionString: made.url });
  await client.connect();
  const { rows } = await client.query(
    "SELECT nspname FROM pg_namespace WHERE nspname = 'drizzle' UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
  );
  await client.end();
  expect(rows).toEqual([]);
});
