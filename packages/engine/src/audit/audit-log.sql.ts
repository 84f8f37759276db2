import type { Pool } from "@omnistore/db/client";
import type { AuditEntry, Change } from "@omnistore/domain/tenant/audit";

/** Where an entry is; the day is its partition. */
export interface EntryKey {
  readonly tenantId: string;
  readonly id: string;
  readonly loggedOn: string;
}

/** Notes what is about to be done; returns where. */
export async function openEntry(pool: Pool, id: string, change: Change): Promise<EntryKey> {
  const { tenantId, actor, action, query, from } = change;
  const token = actor.kind === "token" ? actor : null;
  const { rows } = await pool.query<{ logged_on: string }>(
    `INSERT INTO audit_log (tenant_id, id, logged_on, token_id, token_name, action, query, asked_from)
     VALUES ($1, $2, (now() AT TIME ZONE 'UTC')::date, $3, $4, $5, $6, $7)
     RETURNING logged_on::text`,
    [tenantId, id, token?.id ?? null, token?.name ?? null, action, query, from],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the audit log did not take an entry");
  return { tenantId, id, loggedOn: row.logged_on };
}

export async function markDone(
  pool: Pool,
  { tenantId, id, loggedOn }: EntryKey,
  detail: string | null,
): Promise<void> {
  await pool.query(
    `UPDATE audit_log SET is_done = true, detail = $4
     WHERE tenant_id = $1 AND id = $2 AND logged_on = $3`,
    [tenantId, id, loggedOn, detail],
  );
}

/** Takes back the entry of a change that was not made. */
export async function removeEntry(pool: Pool, { tenantId, id, loggedOn }: EntryKey): Promise<void> {
  await pool.query("DELETE FROM audit_log WHERE tenant_id = $1 AND id = $2 AND logged_on = $3", [
    tenantId,
    id,
    loggedOn,
  ]);
}

interface EntryRow {
  readonly id: string;
  readonly at: number;
  readonly token_id: string | null;
  readonly token_name: string | null;
  readonly action: string;
  readonly query: string;
  readonly detail: string | null;
  readonly asked_from: string | null;
  readonly is_done: boolean;
}

/** Entries before `beforeId`, latest first: ids are in the order of time. By the primary keys. */
export async function selectEntries(
  pool: Pool,
  tenantId: string,
  beforeId: string | null,
  count: number,
): Promise<readonly AuditEntry[]> {
  const { rows } = await pool.query<EntryRow>(
    `SELECT id, (extract(epoch FROM asked_at) * 1000)::float8 AS at, token_id, token_name, action,
       query, detail, asked_from, is_done
     FROM audit_log WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id < $2)
     ORDER BY id DESC LIMIT $3`,
    [tenantId, beforeId, count],
  );
  return rows.map((row) => ({
    id: row.id,
    at: Math.floor(row.at),
    actor:
      row.token_id === null
        ? { kind: "operator" }
        : { kind: "token", id: row.token_id, name: row.token_name ?? "" },
    action: row.action,
    query: row.query,
    ...(row.detail === null ? {} : { detail: row.detail }),
    from: row.asked_from,
    outcome: row.is_done ? "done" : "unknown",
  }));
}
