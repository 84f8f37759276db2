import { inTransaction, type Pool } from "@omnistore/db/client";
import type { Queue, QueueSettings } from "@omnistore/domain/gate/queue";

import type { ListPage } from "../in-pages.ts";
import { lastOfFullPage, PAGE_GATES } from "./gate-pages.ts";

interface QueueRow {
  readonly name: string;
  readonly parallelism: number;
  readonly is_paused: boolean;
  readonly lag: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** What is at the gate, past it, or still delayed: three indexes, none of which holds other messages. */
const LAG = `(
  (SELECT count(*) FROM deliveries d WHERE d.tenant_id = g.tenant_id AND d.queue = g.name AND d.gate = 1)
  + (SELECT count(*) FROM deliveries d WHERE d.tenant_id = g.tenant_id AND d.queue = g.name AND d.queue_passed)
  + (SELECT count(*) FROM deliveries d WHERE d.tenant_id = g.tenant_id AND d.queue = g.name
     AND d.queue IS NOT NULL AND NOT d.queue_passed AND d.gate IS NULL)
)::int`;

/**
 * Whether there is a queue of that name: it is made when there is none, unless it would be one more
 * than `limit`. Those that ask at once take turns, so the limit holds.
 */
export async function makeQueueWithin(
  pool: Pool,
  tenantId: string,
  name: string,
  limit: number,
): Promise<boolean> {
  const there = "SELECT FROM gates WHERE tenant_id = $1 AND kind = 1 AND name = $2";
  const hasRoom = "(SELECT count(*) FROM gates WHERE tenant_id = $1 AND kind = 1) < $3";
  const { rows } = await pool.query<{ is_there: boolean; has_room: boolean }>(
    `SELECT EXISTS (${there}) AS is_there, ${hasRoom} AS has_room`,
    [tenantId, name, limit],
  );
  // What is certain needs no turn.
  if (rows[0]?.is_there === true) return true;
  if (rows[0]?.has_room !== true) return false;
  return inTransaction(pool, async (client) => {
    // A statement of its own: the count has to see what those before have made.
    await client.query("SELECT FROM tenants WHERE tenant_id = $1 FOR NO KEY UPDATE", [tenantId]);
    const { rowCount } = await client.query(
      `WITH there AS (${there}), made AS (
         INSERT INTO gates (tenant_id, kind, name, parallelism) SELECT $1, 1, $2, 1
         WHERE NOT EXISTS (SELECT FROM there) AND ${hasRoom}
         ON CONFLICT DO NOTHING RETURNING name
       )
       SELECT FROM there UNION ALL SELECT FROM made`,
      [tenantId, name, limit],
    );
    return rowCount !== 0;
  });
}

/** Creates a queue or changes its settings; what waits in it may pass at once by the new ones. */
export async function upsertQueue(
  pool: Pool,
  tenantId: string,
  { name, parallelism, isPaused }: QueueSettings,
): Promise<void> {
  await pool.query(
    `INSERT INTO gates AS g (tenant_id, kind, name, parallelism, is_paused, due_at)
     VALUES ($1, 1, $2, $3, coalesce($4, false), now())
     ON CONFLICT (tenant_id, kind, name) DO UPDATE SET parallelism = excluded.parallelism,
       is_paused = coalesce($4, g.is_paused), due_at = now(), updated_at = now()`,
    [tenantId, name, parallelism, isPaused ?? null],
  );
}

const SELECT_QUEUES = `
SELECT g.name, g.parallelism, g.is_paused, ${LAG} AS lag, g.created_at, g.updated_at
FROM gates g WHERE g.tenant_id = $1 AND g.kind = 1`;

/** The tenant's queue of that name, or null. */
export async function getQueue(pool: Pool, tenantId: string, name: string): Promise<Queue | null> {
  const { rows } = await pool.query<QueueRow>(`${SELECT_QUEUES} AND g.name = $2`, [tenantId, name]);
  const [queue] = rows.map(readQueue);
  return queue ?? null;
}

/** The tenant's queues behind a name, by name. */
export async function pageOfQueues(
  pool: Pool,
  tenantId: string,
  after: string | null,
): Promise<ListPage<Queue, string>> {
  const { rows } = await pool.query<QueueRow>(
    `${SELECT_QUEUES} AND ($2::text IS NULL OR g.name > $2) ORDER BY g.name LIMIT ${PAGE_GATES}`,
    [tenantId, after],
  );
  return { items: rows.map(readQueue), next: lastOfFullPage(rows) };
}

function readQueue(row: QueueRow): Queue {
  return {
    name: row.name,
    parallelism: row.parallelism,
    isPaused: row.is_paused,
    lag: row.lag,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  };
}

/** Pauses or resumes; says whether there is such a queue. */
export async function setQueuePaused(
  pool: Pool,
  tenantId: string,
  name: string,
  isPaused: boolean,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE gates SET is_paused = $3, due_at = now(), updated_at = now()
     WHERE tenant_id = $1 AND kind = 1 AND name = $2`,
    [tenantId, name, isPaused],
  );
  return rowCount === 1;
}

/** What still waits to pass: at the gate, or delayed before it. Two indexes, which hold nothing else. */
const IN_FRONT = `(
  EXISTS (SELECT FROM deliveries d WHERE d.tenant_id = $1 AND d.queue = $2 AND d.gate = 1)
  OR EXISTS (SELECT FROM deliveries d WHERE d.tenant_id = $1 AND d.queue = $2
    AND d.queue IS NOT NULL AND NOT d.queue_passed AND d.gate IS NULL)
)`;

/**
 * Removes the queue itself; what is in it has to be cancelled before. What was enqueued since then has
 * made the queue anew: for that it stays, without its settings, as nobody would open a gate that is
 * gone. The lock comes first, and waits for enqueues that are half done: the look behind it sees them.
 */
export function deleteQueue(pool: Pool, tenantId: string, name: string): Promise<void> {
  return inTransaction(pool, async (client) => {
    await client.query(
      "SELECT FROM gates WHERE tenant_id = $1 AND kind = 1 AND name = $2 FOR UPDATE",
      [tenantId, name],
    );
    await client.query(
      `WITH renewed AS (
         UPDATE gates SET parallelism = 1, is_paused = false,
           due_at = now(), created_at = now(), updated_at = now()
         WHERE tenant_id = $1 AND kind = 1 AND name = $2 AND ${IN_FRONT}
       )
       DELETE FROM gates WHERE tenant_id = $1 AND kind = 1 AND name = $2 AND NOT ${IN_FRONT}`,
      [tenantId, name],
    );
  });
}
