import type { Queryable } from "@omnistore/db/client";
import { messageExpiryDay } from "@omnistore/domain/message/message-id";

/** Bodies of one batch, together, unless a single one is larger. */
const BATCH_BYTES = 16 * 1024 * 1024;
const BATCH_MESSAGES = 500;

/** Messages, in the order given, in batches whose bodies fit into memory together. */
export async function bySize(
  db: Queryable,
  tenantId: string,
  messageIds: readonly string[],
): Promise<readonly (readonly string[])[]> {
  const { rows } = await db.query<{ id: string; bytes: number }>(
    `SELECT id, octet_length(body) AS bytes FROM messages
     WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND expires_on = ANY ($3::date[])`,
    [tenantId, messageIds, [...new Set(messageIds.map(messageExpiryDay))]],
  );
  const sizes = new Map(rows.map(({ id, bytes }) => [id, bytes]));
  const batches: string[][] = [];
  let batch: string[] = [];
  let batchBytes = 0;
  for (const messageId of messageIds) {
    const bytes = sizes.get(messageId) ?? 0;
    if (batch.length === BATCH_MESSAGES || (batch.length > 0 && batchBytes + bytes > BATCH_BYTES)) {
      batches.push(batch);
      batch = [];
      batchBytes = 0;
    }
    batch.push(messageId);
    batchBytes += bytes;
  }
  return batch.length === 0 ? batches : [...batches, batch];
}
