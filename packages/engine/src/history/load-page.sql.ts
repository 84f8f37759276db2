import type { Queryable } from "@omnistore/db/client";
import type { PendingMessage } from "@omnistore/domain/message/message";
import { messageExpiryDay } from "@omnistore/domain/message/message-id";

import { withBodies } from "../long-bodies.ts";
import { MESSAGE_COLUMNS, readPending, type MessageColumns } from "../message-row.ts";
import { PAGE_BYTES } from "../page-bytes.ts";
import { tenantsOfSealed } from "../sealed-content.ts";
import type { Vault } from "../vault.ts";

/** An entry of a list that shows its message. */
export interface PageEntry {
  readonly messageId: string;
  /** What it brings besides the body of its message. */
  readonly bytes: number;
}

interface PageRow extends MessageColumns {
  readonly not_before: Date;
  /** The first entry that there is no room for, counted from 1. */
  readonly beyond: number | null;
}

/**
 * The messages of the first entries, each once, and how many entries these are: a body counts as
 * often as it is shown. One that is gone or cannot be opened is left out, its entries are counted.
 * The lengths are known without reading the bodies, and the days are named for the planner's sake.
 */
export async function loadPage(
  db: Queryable,
  vault: Vault,
  tenantId: string,
  entries: readonly PageEntry[],
): Promise<{ readonly messages: ReadonlyMap<string, PendingMessage>; readonly fits: number }> {
  if (entries.length === 0) return { messages: new Map(), fits: 0 };
  const days = entries.map(({ messageId }) => messageExpiryDay(messageId));
  const { rows } = await db.query<PageRow>(
    `SELECT * FROM (
       SELECT *, (min(at) FILTER (WHERE bytes > ${PAGE_BYTES} AND bytes > own) OVER ())::int AS beyond
       FROM (
         SELECT ${MESSAGE_COLUMNS}, m.not_before, e.at, octet_length(m.body) + e.bytes AS own,
           sum(octet_length(m.body) + e.bytes) OVER (ORDER BY e.at ROWS UNBOUNDED PRECEDING) AS bytes,
           row_number() OVER (PARTITION BY m.id ORDER BY e.at) AS nth
         FROM unnest($2::uuid[], $3::date[], $4::int4[])
           WITH ORDINALITY AS e (message_id, expires_on, bytes, at)
         JOIN messages m
           ON m.tenant_id = $1 AND m.id = e.message_id AND m.expires_on = e.expires_on
         WHERE m.expires_on IN (${[...new Set(days)].map((day) => `'${day}'`).join(", ")})
       ) AS weighed
     ) AS cut
     WHERE nth = 1 AND (beyond IS NULL OR at < beyond)`,
    [tenantId, entries.map(({ messageId }) => messageId), days, entries.map(({ bytes }) => bytes)],
  );
  const keys = await vault.keysOf(tenantsOfSealed(rows));
  const messages = vault.readable(await withBodies(db, rows), (row) => readPending(row, keys));
  const beyond = rows[0]?.beyond ?? null;
  return {
    messages: new Map(messages.map((message) => [message.id, message])),
    fits: beyond === null ? entries.length : beyond - 1,
  };
}
