import type { LogQuery } from "@omnistore/domain/history/log-event";

import { PAGE_BYTES } from "../page-bytes.ts";
import { SqlParameters } from "../sql-parameters.ts";
import type { LogPosition } from "./keyset-cursor.ts";
import { LogParts, type LogPart } from "./log-parts.ts";
import { logRange } from "./log-range.ts";

/** A statement with its parameters. */
export interface LogStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Log events are not stored: each part of a union derives some of them from a table that is kept
 * anyway, and yields no more than a page. Only what was asked for is in the statement. Without
 * filters it reads one page from the end of each index, however long that is; ids of messages are
 * looked up by key. One text for all queries (`$1 IS NULL OR …`) sorted every row of the tenant.
 */
export function logStatement(
  tenantId: string,
  query: LogQuery,
  position: LogPosition | null,
): LogStatement {
  const parameters = new SqlParameters();
  const [direction, beyond] = query.order === "latestFirst" ? ["DESC", "<"] : ["ASC", ">"];
  const limit = `LIMIT ${parameters.add(query.count + 1, "int4")}`;
  const after = position && [
    parameters.add(position.micros, "int8"),
    parameters.add(position.messageId, "uuid"),
    parameters.add(position.rank, "int4"),
  ];

  const select = ({ micros, messageId, rank, columns, from, conditions, order }: LogPart) => {
    const isBeyond = after
      ? [`(${micros}, ${messageId}, ${rank}) ${beyond} (${after.join(", ")})`]
      : [];
    return `(SELECT ${micros} AS micros, ${messageId} AS message_id, ${rank} AS rank, ${columns}
      FROM ${from}
      WHERE ${[...conditions, ...isBeyond].join(" AND ")}
      ORDER BY ${order.map((column) => `${column} ${direction}`).join(", ")} ${limit})`;
  };

  const parts = new LogParts(tenantId, query, logRange(query, position), parameters).all();
  const order = `ORDER BY micros ${direction}, message_id ${direction}, rank ${direction}`;
  // An answer is far smaller than a page (`RESPONSE_CAPTURE_BYTES`): there is room for the first.
  const text = `SELECT * FROM (
      SELECT *, count(*) OVER ()::int AS found,
        sum(coalesce(octet_length(response_body), 0)) OVER (${order} ROWS UNBOUNDED PRECEDING) AS bytes
      FROM (
        SELECT * FROM (${parts.map(select).join(" UNION ALL ")}) AS events ${order} ${limit}
      ) AS page
    ) AS weighed
    WHERE bytes <= ${PAGE_BYTES} ${order}`;
  return { text, values: parameters.values };
}
