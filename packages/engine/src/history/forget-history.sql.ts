import { maintenanceQuery, type Pool } from "@omnistore/db/client";
import { PLAN_NAMES, PLANS } from "@omnistore/domain/tenant/plans";

/** Where history lies, the day that its partitions go by, and the limit that says how long it is kept. */
const TABLES = [
  { table: "delivery_logs", day: "logged_on", limit: "logRetentionDays" },
  { table: "dead_letters", day: "died_on", limit: "deadLetterRetentionDays" },
] as const;

/** Before this many days nothing is forgotten one by one: partitions of most tenants are dropped soon after. */
const { logRetentionDays: USUAL_DAYS } = PLANS["pay-as-you-go"];
const BATCH = 5_000;

/**
 * Deletes what tenants may not look back to any more from partitions that are there for others, whose plans keep more;
 * returns how many rows. Without such tenants those partitions are dropped, and this finds nothing to read. Short
 * statements, each over what is older than usual; it may be stopped at any time and goes on where it was.
 */
export async function forgetHistory(pool: Pool): Promise<number> {
  let forgotten = 0;
  for (const each of TABLES) {
    for (let batch = BATCH; batch === BATCH; forgotten += batch) {
      batch = await forgetBatch(pool, each);
    }
  }
  return forgotten;
}

/** Of a deleted tenant nothing is looked for here: `delete-tenants.sql.ts` has its own way. */
async function forgetBatch(pool: Pool, { table, day, limit }: (typeof TABLES)[number]) {
  const { rowCount } = await pool.query(
    maintenanceQuery(
      `WITH past AS (
         SELECT h.tableoid, h.ctid, h.${day}
         FROM ${table} h
         JOIN tenants t ON t.tenant_id = h.tenant_id
         JOIN unnest($1::text[], $2::int[]) AS p (plan, days) ON p.plan = t.plan
         WHERE h.${day} < (now() AT TIME ZONE 'UTC')::date - $3::int
           AND h.${day} < (now() AT TIME ZONE 'UTC')::date - coalesce((t.limits ->> '${limit}')::int, p.days)
         LIMIT ${BATCH}
       )
       DELETE FROM ${table} h USING past
       WHERE h.tableoid = past.tableoid AND h.ctid = past.ctid AND h.${day} = past.${day}`,
      [[...PLAN_NAMES], PLAN_NAMES.map((name) => PLANS[name][limit]), USUAL_DAYS],
    ),
  );
  return rowCount ?? 0;
}
