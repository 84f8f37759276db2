import type { Pool } from "@omnistore/db/client";
import { messageExpiryDay } from "@omnistore/domain/message/message-id";
import type { MessageFilter } from "@omnistore/domain/message/message-filter";

import { messageConditions } from "../message-filter.ts";
import { SqlParameters } from "../sql-parameters.ts";

/** Ids in the order of acceptance: both ends belong to it. */
export interface IdRange {
  readonly first: string;
  readonly last: string;
}

/** The youngest message of a range that is still to be delivered, or null when there is none. */
export async function youngestWaiting(
  pool: Pool,
  tenantId: string,
  { first, last }: IdRange,
): Promise<string | null> {
  const { rows } = await pool.query<{ message_id: string }>(
    `SELECT message_id FROM deliveries WHERE tenant_id = $1 AND message_id BETWEEN $2 AND $3
     ORDER BY message_id DESC LIMIT 1`,
    [tenantId, first, last],
  );
  return rows[0]?.message_id ?? null;
}

/** Up to `limit` messages of a range that are still to be delivered, oldest first, after `after`. */
export async function selectWaiting(
  pool: Pool,
  tenantId: string,
  { first, last }: IdRange,
  after: string | null,
  limit: number,
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ message_id: string }>(
    `SELECT message_id FROM deliveries WHERE tenant_id = $1 AND message_id BETWEEN $2 AND $3
       AND ($4::uuid IS NULL OR message_id > $4)
     ORDER BY message_id LIMIT $5`,
    [tenantId, after ?? first, last, after, limit],
  );
  return rows.map((row) => row.message_id);
}

/** Those of the messages that pass the filter, in their order. Looked up by key: filters have no index. */
export async function keepMatching(
  pool: Pool,
  tenantId: string,
  messageIds: readonly string[],
  filter: MessageFilter,
): Promise<readonly string[]> {
  const parameters = new SqlParameters();
  const tenant = parameters.add(tenantId, "uuid");
  const conditions = messageConditions(filter, parameters);
  if (conditions.length === 0 || messageIds.length === 0) return messageIds;
  const days = [...new Set(messageIds.map(messageExpiryDay))];
  const { rows } = await pool.query<{ id: string }>(
    `SELECT m.id FROM messages m
     WHERE m.tenant_id = ${tenant} AND m.id = ANY (${parameters.add(messageIds, "uuid[]")})
       AND m.expires_on = ANY (${parameters.add(days, "date[]")})
       AND ${conditions.join(" AND ")}`,
    parameters.values,
  );
  const matching = new Set(rows.map(({ id }) => id));
  return messageIds.filter((id) => matching.has(id));
}
