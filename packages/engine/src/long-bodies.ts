import type { Queryable } from "@omnistore/db/client";
import { messageExpiryDay } from "@omnistore/domain/message/message-id";

/**
 * A longer body is read in slices of this size, each by a statement of its own: the driver is sent bytes as hexadecimal
 * text, and a body of 50 MiB as one such text took seconds and several times its size.
 */
const SLICE_BYTES = 4 * 1024 * 1024;

/** The body of `messages m` where it is short, else null; its length is known without reading it. */
export const SHORT_BODY = `CASE WHEN octet_length(m.body) <= ${SLICE_BYTES} THEN m.body END AS body,
  octet_length(m.body) AS body_length`;

/** A row whose body may still have to be read. */
export interface ShortBodyRow {
  readonly tenant_id: string;
  readonly id: string;
  readonly body: Buffer | null;
  readonly body_length: number;
}

/** The same row, whole. */
export type WholeRow<Row extends ShortBodyRow> = Row & { readonly body: Buffer };

/**
 * Reads the bodies that were too long for their rows, one after the other. A message that has left meanwhile is left
 * out. The bodies are stored uncompressed, so that a slice costs no more than itself.
 */
export async function withBodies<Row extends ShortBodyRow>(
  db: Queryable,
  rows: readonly Row[],
): Promise<readonly WholeRow<Row>[]> {
  const whole: WholeRow<Row>[] = [];
  for (const row of rows) {
    if (isWhole(row)) {
      whole.push(row);
      continue;
    }
    const body = await readInSlices(db, row);
    if (body !== null) whole.push({ ...row, body });
  }
  return whole;
}

/** As nearly every row is: those are passed on as they are. */
function isWhole<Row extends ShortBodyRow>(row: Row): row is WholeRow<Row> {
  return row.body !== null;
}

async function readInSlices(
  db: Queryable,
  { tenant_id: tenantId, id, body_length: length }: ShortBodyRow,
): Promise<Buffer | null> {
  const body = Buffer.alloc(length);
  for (let start = 0; start < length; start += SLICE_BYTES) {
    const { rows } = await db.query<{ slice: Buffer }>(
      `SELECT substring(body FROM $4 FOR $5) AS slice
       FROM messages WHERE tenant_id = $1 AND id = $2 AND expires_on = $3`,
      [tenantId, id, messageExpiryDay(id), start + 1, SLICE_BYTES],
    );
    if (rows[0] === undefined) return null;
    rows[0].slice.copy(body, start);
  }
  return body;
}
