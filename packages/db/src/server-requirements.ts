import type { Queryable } from "./client.ts";
import { InWords } from "./in-words.ts";

/** The oldest PostgreSQL that every statement and grant of ours runs on. */
const OLDEST_MAJOR = 16;

/** What a server says of itself. */
export interface ServerFacts {
  /** `server_version_num`: 160004 is 16.4. */
  readonly versionNumber: number;
  /** Of the database, as `pg_encoding_to_char` writes it. */
  readonly encoding: string;
  readonly database: string;
}

/** Why OmniStore cannot run on this database and what to do about it, or null when it can. */
export function requirementMissed(facts: ServerFacts): string | null {
  const { versionNumber, encoding, database } = facts;
  if (Math.floor(versionNumber / 10_000) < OLDEST_MAJOR) {
    return (
      `DATABASE_URL leads to PostgreSQL ${versionText(versionNumber)}, and OmniStore needs ${OLDEST_MAJOR} or later: ` +
      "upgrade the server, or leave DATABASE_URL out to use the PostgreSQL that comes with OmniStore"
    );
  }
  if (encoding !== "UTF8") {
    return (
      `the database "${database}" has the encoding ${encoding}, which cannot hold every message, and OmniStore needs UTF8: ` +
      "create another with CREATE DATABASE omnistore ENCODING 'UTF8' TEMPLATE template0 and name it in DATABASE_URL"
    );
  }
  return null;
}

/** Throws, in words for whoever runs the service, when OmniStore cannot run on this database. */
export async function checkServer(db: Queryable): Promise<void> {
  const { rows } = await db.query<ServerFacts>(
    `SELECT current_setting('server_version_num')::int AS "versionNumber",
       pg_encoding_to_char(encoding) AS encoding, datname AS database
     FROM pg_database WHERE datname = current_database()`,
  );
  const [facts] = rows;
  if (facts === undefined) throw new Error("the database did not tell what it is");
  const missed = requirementMissed(facts);
  if (missed !== null) throw new InWords(missed);
}

/** From version 10 on the last four digits are the minor version; before, they were two pairs. */
function versionText(versionNumber: number): string {
  const major = Math.floor(versionNumber / 10_000);
  if (major >= 10) return `${major}.${versionNumber % 10_000}`;
  return `${major}.${Math.floor(versionNumber / 100) % 100}.${versionNumber % 100}`;
}
