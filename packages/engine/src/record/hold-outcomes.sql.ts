import type { Queryable } from "@omnistore/db/client";

import { gatesOf } from "../mark-gates.ts";
import type { Outcome } from "./write-outcomes.sql.ts";

/**
 * Locks what a transaction that records outcomes and stores their callbacks is going to touch, in
 * the order that holds everywhere: deliveries first, then gates by kind, tenant and name. Without it
 * the two statements that follow would each take gates in order, and together out of it.
 *
 * Only deliveries that their dispatcher still owns are locked: the outcomes of the others will not count.
 */
const HOLD_OUTCOMES = `
WITH outcome AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[])
    AS o (tenant_id, message_id, owner, retried)
), held AS (
  SELECT d.tenant_id, d.message_id, d.queue, d.flow_key
  FROM deliveries d JOIN outcome o ON d.tenant_id = o.tenant_id AND d.message_id = o.message_id
    AND d.owner = o.owner AND d.retried = o.retried
  ORDER BY d.tenant_id, d.message_id FOR UPDATE OF d
), named AS (
  ${gatesOf("held")}
  UNION
  SELECT c.tenant_id, 2::smallint, c.flow_key
  FROM unnest($5::uuid[], $6::uuid[], $7::text[]) AS c (tenant_id, message_id, flow_key)
  JOIN held USING (tenant_id, message_id)
), locked AS (
  INSERT INTO gates (tenant_id, kind, name, parallelism)
  SELECT tenant_id, kind, name, CASE kind WHEN 1 THEN 1 END FROM named ORDER BY kind, tenant_id, name
  ON CONFLICT (tenant_id, kind, name) DO UPDATE SET name = excluded.name
)
SELECT message_id, queue FROM held`;

/** Returns the queue (or null) of each delivery whose outcome will count, by message id. */
export async function holdOutcomes(
  db: Queryable,
  batch: readonly Outcome[],
): Promise<ReadonlyMap<string, string | null>> {
  const flowKeys = batch.flatMap(({ leased, callbacks }) =>
    callbacks.flatMap(({ message }) => {
      const key = message.options.flowControl?.key;
      return key === undefined ? [] : [{ ...leased, key }];
    }),
  );
  const { rows } = await db.query<{ message_id: string; queue: string | null }>(HOLD_OUTCOMES, [
    batch.map(({ leased }) => leased.tenantId),
    batch.map(({ leased }) => leased.messageId),
    batch.map(({ leased }) => leased.owner),
    batch.map(({ leased }) => leased.retried),
    flowKeys.map(({ tenantId }) => tenantId),
    flowKeys.map(({ messageId }) => messageId),
    flowKeys.map(({ key }) => key),
  ]);
  return new Map(rows.map((row) => [row.message_id, row.queue]));
}
