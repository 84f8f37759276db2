import type { Pool } from "@omnistore/db/client";
import type { PendingMessage } from "@omnistore/domain/message/message";
import { messageExpiryDay } from "@omnistore/domain/message/message-id";

import { withBodies } from "../long-bodies.ts";
import { MESSAGE_COLUMNS, readPending, type MessageColumns } from "../message-row.ts";
import { tenantsOfSealed } from "../sealed-content.ts";
import type { Vault } from "../vault.ts";

/** A message that is still to be delivered, or null when there is none of that id. */
export async function getMessage(
  pool: Pool,
  vault: Vault,
  tenantId: string,
  messageId: string,
): Promise<PendingMessage | null> {
  const { rows } = await pool.query<MessageColumns & { not_before: Date }>(
    `SELECT ${MESSAGE_COLUMNS}, m.not_before
     FROM messages m JOIN deliveries d ON d.tenant_id = m.tenant_id AND d.message_id = m.id
     WHERE m.tenant_id = $1 AND m.id = $2 AND m.expires_on = $3`,
    [tenantId, messageId, messageExpiryDay(messageId)],
  );
  const [row] = await withBodies(pool, rows);
  return row ? readPending(row, await vault.keysOf(tenantsOfSealed(rows))) : null;
}
