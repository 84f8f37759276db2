import type { Pool } from "@omnistore/db/client";

const BATCH = 5_000;

/** Deletes deduplication keys whose window has closed, in short statements. Returns how many. */
export async function forgetDeduplications(pool: Pool): Promise<number> {
  let forgotten = 0;
  for (;;) {
    const { rowCount } = await pool.query(
      `DELETE FROM deduplications WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM deduplications WHERE expires_at <= now()
         ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
       ))`,
      [BATCH],
    );
    forgotten += rowCount ?? 0;
    if ((rowCount ?? 0) < BATCH) return forgotten;
  }
}
