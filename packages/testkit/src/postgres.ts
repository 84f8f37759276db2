import { randomBytes } from "node:crypto";

import pg from "pg";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Set by global-setup.ts. */
    postgres: { readonly serverUrl: string; readonly template: string };
  }
}

/** A migrated, empty database of one's own. */
export interface FreshDatabase {
  readonly url: string;
  /** Ends whatever is still connected. */
  drop(): Promise<void>;
}

/** Copies the migrated template of this run, in some ten milliseconds. For `*.pg.test.ts` and `*.e2e.test.ts`. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const { serverUrl, template } = inject("postgres");
  const { name, url } = await createDatabase(serverUrl, { namePrefix: "omnistore_test", template });
  return { url, drop: () => dropDatabase(serverUrl, name) };
}

interface NewDatabase {
  readonly namePrefix: string;
  /** Which database to copy; an empty one if absent. */
  readonly template?: string;
  /** Another one than the template has; only `template0` may be copied into it. */
  readonly encoding?: string;
}

export async function createDatabase(
  serverUrl: string,
  { namePrefix, template = "template1", encoding }: NewDatabase,
): Promise<{ name: string; url: string }> {
  const name = `${namePrefix}_${randomBytes(6).toString("hex")}`;
  // The server's own locale may know UTF8 only; "C" knows every encoding.
  const encoded =
    encoding === undefined ? "" : `ENCODING '${encoding}' LOCALE_PROVIDER libc LOCALE 'C'`;
  await runOn(serverUrl, `CREATE DATABASE ${name} TEMPLATE ${template} ${encoded}`);
  return { name, url: withDatabase(serverUrl, name) };
}

export async function dropDatabase(serverUrl: string, name: string): Promise<void> {
  await runOn(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

/** The same server, another database. Not `new URL`: it refuses the empty host of a socket address. */
export function withDatabase(serverUrl: string, name: string): string {
  return serverUrl.replace(/^([a-z]+:\/\/[^/?]*)(\/[^?]*)?/, `$1/${name}`);
}

async function runOn(serverUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
