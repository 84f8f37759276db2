import type { Pool } from "@omnistore/db/client";

import { gatesOf, markGates } from "../mark-gates.ts";

/**
 * When a message was made, which its id says by the clock of a process: that may be a little ahead of
 * the time at which a statement leased it, and no log shows an attempt before its message.
 */
const MADE_AT = "to_timestamp(uuid_unix_ms(message_id) / 1000.0)";

/**
 * Takes deliveries out of the queue, whatever their state, and logs it. One that is leased is fenced
 * by that: the outcome of its attempt finds no row. The key of the log row is free, because an
 * attempt is logged by the statement that ends it. Gates are told of the places that became free;
 * what only waited at one had none. The ids are named again where they are deleted: by the join alone
 * stale statistics made the planner read all that the tenant has waiting.
 *
 * A batch never waits for rows that others hold, so it cannot be part of a deadlock; what it left
 * out for that reason is cancelled one by one, holding nothing while it waits.
 */
const cancelStatement = (lock: "FOR UPDATE" | "FOR UPDATE SKIP LOCKED") => `
WITH locked AS (
  SELECT message_id FROM deliveries
  WHERE tenant_id = $1 AND message_id = ANY ($2::uuid[])
  ${lock}
), gone AS (
  DELETE FROM deliveries d USING locked
  WHERE d.tenant_id = $1 AND d.message_id = ANY ($2::uuid[]) AND d.message_id = locked.message_id
  RETURNING d.tenant_id, d.message_id, d.retried, d.leased_at, d.queue, d.queue_passed, d.flow_key
), logged AS (
  INSERT INTO delivery_logs (
    tenant_id, message_id, retried, logged_on, started_at, ended_at, outcome
  )
  SELECT tenant_id, message_id, retried, (now() AT TIME ZONE 'UTC')::date,
    greatest(coalesce(leased_at, now()), ${MADE_AT}), now(), CASE WHEN leased_at IS NULL THEN 'cancelled' ELSE 'abandoned' END
  FROM gone
), freed AS (
  SELECT * FROM gone WHERE queue_passed OR leased_at IS NOT NULL
), ${markGates(gatesOf("freed"))}
SELECT d.message_id, EXISTS (SELECT FROM gone WHERE gone.message_id = d.message_id) AS cancelled
FROM deliveries d WHERE d.tenant_id = $1 AND d.message_id = ANY ($2::uuid[])`;

const STATEMENTS = {
  /** Passes over rows that somebody holds. */
  batch: cancelStatement("FOR UPDATE SKIP LOCKED"),
  /** Waits until the row is free. */
  single: cancelStatement("FOR UPDATE"),
} as const;

/** What a batch came to: how many left the queue, and which were held by somebody. */
export interface CancelledBatch {
  readonly cancelled: number;
  readonly held: readonly string[];
}

/** Cancels those of the messages that are still to be delivered. */
export async function cancelDeliveries(
  pool: Pool,
  mode: keyof typeof STATEMENTS,
  tenantId: string,
  messageIds: readonly string[],
): Promise<CancelledBatch> {
  const { rows } = await pool.query<{ message_id: string; cancelled: boolean }>(STATEMENTS[mode], [
    tenantId,
    messageIds,
  ]);
  return {
    cancelled: rows.filter(({ cancelled }) => cancelled).length,
    held: rows.filter(({ cancelled }) => !cancelled).map((row) => row.message_id),
  };
}
