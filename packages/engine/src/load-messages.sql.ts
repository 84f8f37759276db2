import type { Queryable } from "@omnistore/db/client";
import type { PendingMessage } from "@omnistore/domain/message/message";
import { messageExpiryDay } from "@omnistore/domain/message/message-id";

import { MESSAGE_COLUMNS, readPending, type MessageRow } from "./message-row.ts";
import { tenantsOfSealed } from "./sealed-content.ts";
import type { Vault } from "./vault.ts";

/** Names a message. */
export interface MessageKey {
  readonly tenantId: string;
  readonly messageId: string;
}

/**
 * Messages by id. The days are named in the statement itself, so that the planner looks into those
 * partitions only. One that cannot be opened is reported by the vault and left out.
 */
export async function loadMessages(
  db: Queryable,
  vault: Vault,
  keys: readonly MessageKey[],
): Promise<ReadonlyMap<string, PendingMessage>> {
  if (keys.length === 0) return new Map();
  const unique = [...new Map(keys.map((key) => [key.messageId, key])).values()];
  const days = unique.map(({ messageId }) => messageExpiryDay(messageId));
  const { rows } = await db.query<MessageRow & { readonly not_before: Date }>(
    `SELECT ${MESSAGE_COLUMNS}, m.not_before
     FROM unnest($1::uuid[], $2::uuid[], $3::date[]) AS k (tenant_id, id, expires_on)
     JOIN messages m ON m.tenant_id = k.tenant_id AND m.id = k.id AND m.expires_on = k.expires_on
     WHERE m.expires_on IN (${[...new Set(days)].map((day) => `'${day}'`).join(", ")})`,
    [unique.map(({ tenantId }) => tenantId), unique.map(({ messageId }) => messageId), days],
  );
  const dataKeys = await vault.keysOf(tenantsOfSealed(rows));
  const messages = vault.readable(rows, (row) => readPending(row, dataKeys));
  return new Map(messages.map((message) => [message.id, message]));
}
