import type { Pool } from "@omnistore/db/client";
import type { DispatcherPlace } from "@omnistore/domain/tenant/parallelism";

/** Announces a dispatcher, and says which one it is: from now on its heartbeat is the lease of what it owns. */
export async function registerDispatcher(pool: Pool, id: string): Promise<DispatcherPlace> {
  await pool.query("INSERT INTO dispatchers (id) VALUES ($1)", [id]);
  return (await beat(pool, id)) ?? { rank: 0, count: 1 };
}

/** Renews the lease. Null when it had run out: what was owned may belong to others now. */
export async function beat(pool: Pool, id: string): Promise<DispatcherPlace | null> {
  const { rows } = await pool.query<DispatcherPlace>(
    `UPDATE dispatchers SET heartbeat_at = now() WHERE id = $1
     RETURNING (SELECT count(*)::int FROM dispatchers WHERE id < $1) AS rank,
       (SELECT count(*)::int FROM dispatchers) AS count`,
    [id],
  );
  return rows[0] ?? null;
}

/** Takes a dispatcher off the list; its deliveries, if any are left, go to the others. */
export async function unregisterDispatcher(pool: Pool, id: string): Promise<void> {
  await pool.query("DELETE FROM dispatchers WHERE id = $1", [id]);
}
