import type { Pool } from "@omnistore/db/client";
import type { LogQuery, LogState } from "@omnistore/domain/history/log-event";

import type { LogPosition } from "./keyset-cursor.ts";
import { logStatement } from "./log-statement.sql.ts";

/** An event before its message is joined to it. */
export interface LogRow {
  readonly micros: string;
  readonly message_id: string;
  readonly rank: number;
  readonly state: LogState;
  readonly next_due_ms: number | null;
  readonly status: number | null;
  readonly response_headers: Record<string, string[]> | null;
  readonly response_body: Buffer | null;
  readonly error: string | null;
}

/** One page of events, and one more when there is a next page. */
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
