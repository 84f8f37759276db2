import type { Pool } from "@omnistore/db/client";

/** Announces a dispatcher: from now on its heartbeat is the lease of what it owns. */
export async function registerDispatcher(pool: Pool, id: string): Promise<void> {
  await pool.query("INSERT INTO dispatchers (id) VALUES ($1)", [id]);
}

/** Renews the lease. False when it had run out: what was owned may belong to others now. */
export async function beat(pool: Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    "UPDATE dispatchers SET heartbeat_at = now() WHERE id = $1",
    [id],
  );
  return rowCount === 1;
}

/** Takes a dispatcher off the list; its deliveries, if any are left, go to the others. */
export async function unregisterDispatcher(pool: Pool, id: string): Promise<void> {
  await pool.query("DELETE FROM dispatchers WHERE id = $1", [id]);
}
