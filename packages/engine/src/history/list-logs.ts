import type { Pool } from "@omnistore/db/client";
import type { LogEvent, LogQuery, PageOutcome } from "@omnistore/domain/history/log-event";
import type { Message } from "@omnistore/domain/message/message";

import { readAnswer } from "../answer-row.ts";
import { SEALED } from "../sealed-content.ts";
import type { DataKeys, Vault } from "../vault.ts";
import { decodePosition, encodePosition } from "./keyset-cursor.ts";
import { loadPage } from "./load-page.sql.ts";
import { selectLogEvents, type LogRow } from "./select-log-events.sql.ts";

/** A page of the tenant's log, bounded in entries and in bytes. Two statements, whatever its size. */
export async function listLogs(
  pool: Pool,
  vault: Vault,
  tenantId: string,
  query: LogQuery,
): Promise<PageOutcome<LogEvent>> {
  const position = query.cursor === undefined ? null : decodePosition(query.cursor);
  if (query.cursor !== undefined && position === null) return { kind: "bad-cursor" };

  const rows = await selectLogEvents(pool, tenantId, query, position);
  const entries = rows.slice(0, query.count).map((row) => ({
    messageId: row.message_id,
    bytes: row.response_body?.length ?? 0,
  }));
  const { messages, fits } = await loadPage(pool, vault, tenantId, entries);
  const page = rows.slice(0, fits);
  const isSealed = page.some((row) => row.response_headers === SEALED);
  const keys = await vault.keysOf(isSealed ? [tenantId] : []);
  const known = page.flatMap((row) => {
    const message = messages.get(row.message_id);
    return message ? [{ row, message }] : [];
  });
  const items = vault.readable(known, ({ row, message }) => readEvent(row, message, keys));
  const last = page.at(-1);
  if (last === undefined || page.length === last.found) return { kind: "page", page: { items } };
  const cursor = encodePosition({
    micros: Number(last.micros),
    messageId: last.message_id,
    rank: last.rank,
  });
  return { kind: "page", page: { items, cursor } };
}

function readEvent(row: LogRow, message: Message, keys: DataKeys): LogEvent {
  const { tenantId, id: messageId } = message;
  const response = readAnswer(row, { tenantId, messageId }, keys);
  return {
    time: Math.floor(Number(row.micros) / 1000),
    state: row.state,
    message,
    ...(row.next_due_ms === null ? {} : { nextDeliveryTime: Math.ceil(row.next_due_ms) }),
    ...(row.error === null ? {} : { error: row.error }),
    ...(response === undefined ? {} : { response }),
  };
}
