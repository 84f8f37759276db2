import { fileURLToPath } from "node:url";

import { drizzle } from "drizzle-orm/node-postgres";
import { migrate as applyMigrations } from "drizzle-orm/node-postgres/migrator";
import { readMigrationFiles } from "drizzle-orm/migrator";
import pg from "pg";

import type { Pool } from "./client.ts";
import { ensureRoles } from "./ensure-roles.ts";
import { inWords } from "./in-words.ts";
import { ensurePartitions } from "./partitions.ts";
import { checkServer } from "./server-requirements.ts";

const migrationsFolder = fileURLToPath(new URL("../../../migrations", import.meta.url));

/** Names the lock that makes processes migrate one after the other. */
const MIGRATION_LOCK = 7_164_001;

/** A host that drops what it is sent would be waited for by the minute. */
const CONNECT_LIMIT_MS = 10_000;

/**
 * Brings the database to this version: applies what is missing, then makes partitions ahead. Throws,
 * in words that say what to do, when this database cannot be reached or OmniStore cannot run on it.
 * Safe to call from several processes at once: one works, the others wait and find nothing to do.
 */
export async function migrate(databaseUrl: string): Promise<void> {
  try {
    await bringUp(databaseUrl);
  } catch (error) {
    throw inWords(error, databaseUrl);
  }
}

async function bringUp(databaseUrl: string): Promise<void> {
  const turnstile = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
  });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  await turnstile.connect();
  try {
    await checkServer(turnstile);
    await ensureRoles(turnstile);
    await turnstile.query("BEGIN");
    await turnstile.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    await applyMigrations(drizzle(pool), { migrationsFolder });
    await ensurePartitions(pool);
    await turnstile.query("COMMIT");
  } finally {
    await turnstile.end();
    await pool.end();
  }
}

/** True when the database holds every migration of this version. Throws when it cannot be reached. */
export async function isMigrated(pool: Pool): Promise<boolean> {
  const newest = Math.max(...readMigrationFiles({ migrationsFolder }).map((m) => m.folderMillis));
  const journal = await pool.query<{ present: boolean }>(
    "SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL AS present",
  );
  if (journal.rows[0]?.present !== true) return false;
  const applied = await pool.query<{ newest: string | null }>(
    "SELECT max(created_at) AS newest FROM drizzle.__drizzle_migrations",
  );
  return Number(applied.rows[0]?.newest ?? 0) >= newest;
}
