import { createServer, type Server } from "node:net";

import { portOf } from "@omnistore/testkit/port-of";
import { freshDatabase, withDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  ENTRIES,
  failedStart,
  PASSWORD,
  plainWords,
  SHORT_SECRET,
  start,
  type Entry,
} from "./failed-start.ts";

let database: FreshDatabase;
/** Says that it is version 15, by a function that stands before the server's own. */
let old: FreshDatabase;
let taken: Server;
beforeAll(async () => {
  [database, old] = await Promise.all([freshDatabase(), freshDatabase()]);
  await sayVersion15(old.url);
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  taken.close();
  await Promise.all([database.drop(), old.drop()]);
});

async function sayVersion15(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `CREATE SCHEMA old;
     CREATE FUNCTION old.current_setting(text) RETURNS text LANGUAGE sql AS $$
       SELECT CASE $1 WHEN 'server_version_num' THEN '150004' ELSE pg_catalog.current_setting($1) END $$;
     DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = old, pg_catalog', current_database()); END $$`,
  );
  await client.end();
}

const at = (host: string, name = "x") => `postgresql://u:${PASSWORD}@${host}/${name}`;

interface Case {
  readonly what: string;
  readonly env: () => NodeJS.ProcessEnv;
  readonly words: readonly RegExp[];
  /** It stands for a road of its own through a start, so every entry is tried with it. */
  readonly everywhere?: true;
}

const CASES: readonly Case[] = [
  {
    what: "a DATABASE_URL that is no URL",
    env: () => ({ DATABASE_URL: at("[::::1") }),
    words: [/DATABASE_URL must be a URL such as postgresql:/],
    everywhere: true,
  },
  {
    what: "a DATABASE_URL that names a certificate that is not there",
    env: () => ({ DATABASE_URL: `${at("127.0.0.1")}?sslrootcert=/no/such.pem` }),
    words: [/could not start: DATABASE_URL names a file .*\/no\/such\.pem.*: correct its path/],
  },
  {
    what: "a host that nobody knows",
    env: () => ({ DATABASE_URL: at("no-such-host..invalid") }),
    words: [/could not start: .* the host "no-such-host\.\.invalid" of DATABASE_URL: correct/],
  },
  {
    what: "a wrong password",
    env: () => ({ DATABASE_URL: database.url.replace(/:[^:@/]+@/, `:${PASSWORD}@`) }),
    words: [/could not start: .* refuses the password of the user ".*": correct both/],
    everywhere: true,
  },
  {
    what: "a database that does not exist",
    env: () => ({ DATABASE_URL: withDatabase(database.url, "nowhere") }),
    words: [/could not start: .* has no database "nowhere": correct .*CREATE DATABASE/],
  },
  {
    what: "a PostgreSQL that is too old",
    env: () => ({ DATABASE_URL: old.url }),
    words: [/could not start: .* PostgreSQL 15\.4, and OmniStore needs 16 or later: upgrade/],
  },
  {
    what: "hosted mode with wrong numbers and without good secrets",
    env: () => ({
      DATABASE_URL: database.url,
      OMNISTORE_MODE: "hosted",
      OMNISTORE_ADMIN_TOKEN: SHORT_SECRET,
      PORT: "80a",
      OMNISTORE_LEASE_SECONDS: "ten",
    }),
    words: [
      /OMNISTORE_ADMIN_TOKEN must have at least 32 characters, not 20; make one with/,
      /OMNISTORE_ENCRYPTION_KEY is missing: .*; make one with/,
      /PORT must be a whole number from 0 to 65535, not "80a"/,
      /OMNISTORE_LEASE_SECONDS must be a number of seconds .*, not "ten"/,
    ],
  },
];

describe.for(Object.keys(ENTRIES) as Entry[])(
  "%s refuses to start, in plain words, for",
  (entry) => {
    const cases = CASES.filter(({ everywhere }) => entry === "omnistore" || everywhere === true);

    test.concurrent.for(cases)("$what", async ({ env, words }) => {
      const said = await failedStart(entry, env());
      for (const pattern of words) expect(said).toMatch(pattern);
    });

    test.concurrent("nobody who listens, whom it waits for a while", async () => {
      const waiting = start(entry, { DATABASE_URL: at("127.0.0.1:1") });
      await waiting.line("no PostgreSQL listens at 127.0.0.1:1");
      expect(plainWords(waiting)).toContain("start it, or correct");
      await waiting.end("SIGTERM");
    });
  },
);

test.concurrent.for(["omnistore", "api"] as const)(
  "%s refuses to start, in plain words, for a port in use",
  async (entry) => {
    const port = String(portOf(taken));
    expect(await failedStart(entry, { DATABASE_URL: database.url, PORT: port })).toMatch(
      new RegExp(`could not start: port ${port} on 127.0.0.1 is in use: end .* set PORT`),
    );
  },
);
