import type { Queryable } from "@omnistore/db/client";
import type { PendingMessage } from "@omnistore/domain/message/message";
import { messageExpiryDay } from "@omnistore/domain/message/message-id";

import { withBodies } from "./long-bodies.ts";
import { MESSAGE_COLUMNS, readPending, type MessageColumns } from "./message-row.ts";
import { tenantsOfSealed } from "./sealed-content.ts";
import type { Vault } from "./vault.ts";

/** Names a message. */
export interface MessageKey {
  readonly tenantId: string;
  readonly messageId: string;
}

/** Bodies that one answer of the database may bring, together, unless a single one is larger. */
const PIECE_BYTES = 16 * 1024 * 1024;

/** Messages by id. One that cannot be opened is reported by the vault and left out. */
export async function loadMessages(
  db: Queryable,
  vault: Vault,
  keys: readonly MessageKey[],
): Promise<ReadonlyMap<string, PendingMessage>> {
  const loaded = new Map<string, PendingMessage>();
  for await (const piece of loadInPieces(db, vault, keys))
    for (const message of piece) loaded.set(message.id, message);
  return loaded;
}

/** The same in pieces: several only where there are large messages. */
export async function* loadInPieces(
  db: Queryable,
  vault: Vault,
  keys: readonly MessageKey[],
): AsyncGenerator<readonly PendingMessage[]> {
  let wanted = [...new Map(keys.map((key) => [key.messageId, key])).values()];
  while (wanted.length > 0) {
    const rows = await selectPiece(db, wanted);
    const dataKeys = await vault.keysOf(tenantsOfSealed(rows));
    const whole = await withBodies(db, rows);
    yield vault.readable(whole, (row) => readPending(row, dataKeys));
    if (rows.length === (rows[0]?.found ?? 0)) return;
    const selected = new Set(rows.map(({ id }) => id));
    wanted = wanted.filter(({ messageId }) => !selected.has(messageId));
  }
}

interface PieceRow extends MessageColumns {
  readonly not_before: Date;
  /** How many there are, with those that this piece had no room for. */
  readonly found: number;
}

/**
 * The days are named in the statement itself, so that the planner looks into those partitions only.
 * The length of a body is known without reading it.
 */
async function selectPiece(
  db: Queryable,
  keys: readonly MessageKey[],
): Promise<readonly PieceRow[]> {
  const days = keys.map(({ messageId }) => messageExpiryDay(messageId));
  const { rows } = await db.query<PieceRow>(
    `SELECT * FROM (
       SELECT ${MESSAGE_COLUMNS}, m.not_before, count(*) OVER ()::int AS found,
         sum(octet_length(m.body)) OVER (ORDER BY m.id ROWS UNBOUNDED PRECEDING) AS bytes
       FROM unnest($1::uuid[], $2::uuid[], $3::date[]) AS k (tenant_id, id, expires_on)
       JOIN messages m ON m.tenant_id = k.tenant_id AND m.id = k.id AND m.expires_on = k.expires_on
       WHERE m.expires_on IN (${[...new Set(days)].map((day) => `'${day}'`).join(", ")})
     ) AS pending
     WHERE bytes <= ${PIECE_BYTES} OR bytes = body_length`,
    [keys.map(({ tenantId }) => tenantId), keys.map(({ messageId }) => messageId), days],
  );
  return rows;
}
