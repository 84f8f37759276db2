import type { Pool } from "@omnistore/db/client";
import type { LogQuery, LogState } from "@omnistore/domain/history/log-event";

import type { AnswerRow } from "../answer-row.ts";
import type { LogPosition } from "./keyset-cursor.ts";
import { logStatement } from "./log-statement.sql.ts";

/** An event before its message is joined to it. */
export interface LogRow extends AnswerRow {
  readonly micros: string;
  readonly message_id: string;
  readonly rank: number;
  readonly state: LogState;
  readonly next_due_ms: number | null;
  readonly error: string | null;
  /** How many there are, up to one more than a page, with those whose answers there is no room for. */
  readonly found: number;
}

/** One page of events, and one more when there is a next page; fewer when their answers are large. */
export async function selectLogEvents(
  pool: Pool,
  tenantId: string,
  query: LogQuery,
  position: LogPosition | null,
): Promise<readonly LogRow[]> {
  const { text, values } = logStatement(tenantId, query, position);
  const { rows } = await pool.query<LogRow>(text, [...values]);
  return rows;
}
