import type { Pool } from "@omnistore/db/client";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";

export type Database = NodePgDatabase;

/** Drizzle over a pool: for everything that is not on the path of every message. */
export function database(pool: Pool): Database {
  return drizzle(pool);
}
