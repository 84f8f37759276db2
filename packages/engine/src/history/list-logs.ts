import type { Pool } from "@omnistore/db/client";
import type { LogEvent, LogQuery, PageOutcome } from "@omnistore/domain/history/log-event";
import type { Message } from "@omnistore/domain/message/message";

import { loadMessages } from "../load-messages.sql.ts";
import { decodePosition, encodePosition } from "./keyset-cursor.ts";
import { selectLogEvents, type LogRow } from "./select-log-events.sql.ts";

/** A page of the tenant's log. Two statements, whatever the size of the page. */
export async function listLogs(
  pool: Pool,
  tenantId: string,
  query: LogQuery,
): Promise<PageOutcome<LogEvent>> {
  const position = query.cursor === undefined ? null : decodePosition(query.cursor);
  if (query.cursor !== undefined && position === null) return { kind: "bad-cursor" };

  const rows = await selectLogEvents(pool, tenantId, query, position);
  const page = rows.slice(0, query.count);
  const messages = await loadMessages(
    pool,
    page.map((row) => ({ tenantId, messageId: row.message_id })),
  );
  const items = page.flatMap((row) => {
    const message = messages.get(row.message_id);
    return message ? [readEvent(row, message)] : [];
  });
  const last = page.at(-1);
  if (last === undefined || rows.length <= query.count) return { kind: "page", page: { items } };
  const cursor = encodePosition({
    micros: Number(last.micros),
    messageId: last.message_id,
    rank: last.rank,
  });
  return { kind: "page", page: { items, cursor } };
}

function readEvent(row: LogRow, message: Message): LogEvent {
  return {
    time: Math.floor(Number(row.micros) / 1000),
    state: row.state,
    message,
    ...(row.next_due_ms === null ? {} : { nextDeliveryTime: Math.ceil(row.next_due_ms) }),
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.status === null
      ? {}
      : {
          response: {
            status: row.status,
            headers: row.response_headers ?? {},
            body: row.response_body ?? Buffer.alloc(0),
          },
        }),
  };
}
