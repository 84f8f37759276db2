import type { Queryable } from "@omnistore/db/client";
import type { DeadLetter, DeadLetterQuery } from "@omnistore/domain/history/dead-letter";
import type { Page } from "@omnistore/domain/history/log-event";

import { readAnswer, type AnswerRow } from "../answer-row.ts";
import { messageConditions } from "../message-filter.ts";
import { withBodies, type WholeRow } from "../long-bodies.ts";
import { MESSAGE_COLUMNS, readPending, type MessageColumns } from "../message-row.ts";
import { PAGE_BYTES } from "../page-bytes.ts";
import { SEALED } from "../sealed-content.ts";
import { SqlParameters } from "../sql-parameters.ts";
import type { DataKeys, Vault } from "../vault.ts";
import { dayOfDeath } from "./day-of-death.ts";

interface DeadLetterRow extends MessageColumns, AnswerRow {
  readonly dead_letter_id: string;
  readonly not_before: Date;
  readonly died_at: Date;
  readonly error: string | null;
}

const COLUMNS = `${MESSAGE_COLUMNS}, m.not_before, l.id AS dead_letter_id, l.died_at, l.status,
  l.response_headers, l.response_body, l.error`;
/**
 * Entries with their messages, one look-up by key for each. `OFFSET 0` keeps the planner from making
 * a join of it: it takes few to have a message, and would read and sort all entries of a tenant first.
 */
function joined(conditions: readonly string[] = []): string {
  const ofEntry = `m.tenant_id = l.tenant_id AND m.id = l.message_id
    AND m.expires_on = message_expiry_day(l.message_id)`;
  return `dead_letters l CROSS JOIN LATERAL (SELECT * FROM messages m
    WHERE ${[ofEntry, ...conditions].join(" AND ")} OFFSET 0) AS m`;
}

/**
 * A page of entries beyond the cursor (the id of the last one seen), by time of death. Bodies are
 * read of those that are shown only: their lengths are known without reading them.
 */
export async function selectDeadLetters(
  db: Queryable,
  vault: Vault,
  tenantId: string,
  query: DeadLetterQuery,
): Promise<Page<DeadLetter>> {
  const { text, values } = pageStatement(tenantId, query);
  const { rows } = await db.query<DeadLetterRow & { readonly found: number }>(text, [...values]);
  const keys = await keysFor(vault, rows);
  const whole = await withBodies(db, rows);
  const items = vault.readable(whole, (row) => readDeadLetter(row, keys));
  const last = rows.at(-1);
  return last && last.found > rows.length ? { items, cursor: last.dead_letter_id } : { items };
}

/** What `selectDeadLetters` asks the database. */
export function pageStatement(
  tenantId: string,
  query: DeadLetterQuery,
): { readonly text: string; readonly values: readonly unknown[] } {
  const parameters = new SqlParameters();
  const rest = restOfStatement(tenantId, query, query.count + 1, parameters);
  const order = `ORDER BY dead_letter_id ${query.order === "latestFirst" ? "DESC" : "ASC"}`;
  const text = `SELECT * FROM (
      SELECT *, count(*) OVER ()::int AS found, row_number() OVER so_far AS nth,
        sum(body_length + coalesce(octet_length(response_body), 0)) OVER so_far AS bytes
      FROM (SELECT ${COLUMNS} ${rest}) AS letters
      WINDOW so_far AS (${order} ROWS UNBOUNDED PRECEDING)
    ) AS weighed
    WHERE nth <= ${parameters.add(query.count, "int4")} AND (bytes <= ${PAGE_BYTES} OR nth = 1)
    ${order}`;
  return { text, values: parameters.values };
}

/** Up to `limit` of the same entries, by their ids alone. */
export async function selectDeadLetterIds(
  db: Queryable,
  tenantId: string,
  query: DeadLetterQuery,
  limit: number,
): Promise<readonly string[]> {
  const parameters = new SqlParameters();
  const rest = restOfStatement(tenantId, query, limit, parameters);
  const { rows } = await db.query<{ id: string }>(`SELECT l.id ${rest}`, parameters.values);
  return rows.map(({ id }) => id);
}

/** From the table to the limit, in the order of the primary key; only what was asked for is compared. */
function restOfStatement(
  tenantId: string,
  query: DeadLetterQuery,
  limit: number,
  parameters: SqlParameters,
): string {
  const { cursor, ids, messageId, responseStatuses, fromMs, toMs } = query;
  const [direction, beyond] = query.order === "latestFirst" ? ["DESC", "<"] : ["ASC", ">"];
  const conditions = [`l.tenant_id = ${parameters.add(tenantId, "uuid")}`];
  if (cursor !== undefined) conditions.push(`l.id ${beyond} ${parameters.add(cursor, "uuid")}`);
  if (ids !== undefined) {
    const days = [...new Set(ids.map(dayOfDeath))];
    conditions.push(`l.id = ANY (${parameters.add(ids, "uuid[]")})`);
    conditions.push(`l.died_on = ANY (${parameters.add(days, "date[]")})`);
  }
  if (messageId !== undefined) {
    conditions.push(`l.message_id = ${parameters.add(messageId, "uuid")}`);
  }
  if (responseStatuses !== undefined) {
    conditions.push(`coalesce(l.status, 0) = ANY (${parameters.add(responseStatuses, "int4[]")})`);
  }
  if (fromMs !== undefined) {
    conditions.push(`l.died_at >= to_timestamp(${parameters.add(fromMs, "float8")} / 1000)`);
  }
  if (toMs !== undefined) {
    conditions.push(`l.died_at < to_timestamp((${parameters.add(toMs, "float8")} + 1) / 1000)`);
  }
  return `FROM ${joined(messageConditions(query, parameters))} WHERE ${conditions.join(" AND ")}
    ORDER BY l.id ${direction} LIMIT ${parameters.add(limit, "int4")}`;
}

/** One entry, or null. The day of death is in its id. */
export async function getDeadLetter(
  db: Queryable,
  vault: Vault,
  tenantId: string,
  id: string,
): Promise<DeadLetter | null> {
  const { rows } = await db.query<DeadLetterRow>(
    `SELECT ${COLUMNS} FROM ${joined()} WHERE l.tenant_id = $1 AND l.id = $2 AND l.died_on = $3`,
    [tenantId, id, dayOfDeath(id)],
  );
  const [row] = await withBodies(db, rows);
  return row ? readDeadLetter(row, await keysFor(vault, rows)) : null;
}

function keysFor(vault: Vault, rows: readonly DeadLetterRow[]): Promise<DataKeys> {
  const isSealed = (row: DeadLetterRow) =>
    row.headers === SEALED || row.response_headers === SEALED;
  return vault.keysOf(rows.filter(isSealed).map((row) => row.tenant_id));
}

function readDeadLetter(row: WholeRow<DeadLetterRow>, keys: DataKeys): DeadLetter {
  const message = readPending(row, keys);
  const of = { tenantId: message.tenantId, messageId: message.id };
  const response = readAnswer(row, of, keys);
  return {
    id: row.dead_letter_id,
    message,
    diedAt: row.died_at.getTime(),
    ...(row.error === null ? {} : { error: row.error }),
    ...(response === undefined ? {} : { response }),
  };
}
