/** Most rows of one page of a list. */
const PAGE_ROWS = 100;

/** A page ends with the row that brings it to as many bytes, as they are stored. */
const PAGE_BYTES = 1024 * 1024;

/** Where a page of a list in the order of making ended. */
export interface MadePosition {
  /** As Postgres writes it, to the microsecond. */
  readonly madeAt: string;
  readonly name: string;
}

/** What each row of `oldestFirst` tells of its page. */
export interface MadeRow {
  readonly made_at: string;
  readonly made_name: string;
  /** Rows that a page without a limit in bytes would have. */
  readonly found: number;
}

/**
 * Rows of the tenant `$1` behind the position `$2`, `$3`, oldest first. `weight` says the bytes of a
 * row without reading them. A tenant's rows are sorted for each page: they are thin without bodies.
 */
export function oldestFirst(table: string, name: string, weight: string): string {
  return `SELECT * FROM (
    SELECT *, created_at::text AS made_at, ${name} AS made_name, (count(*) OVER ())::int AS found,
      sum(weight) OVER (ORDER BY created_at, ${name}) - weight AS before
    FROM (
      SELECT *, ${weight} AS weight FROM ${table}
      WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (created_at, ${name}) > ($2, $3::text))
      ORDER BY created_at, ${name} LIMIT ${PAGE_ROWS}
    ) AS following
  ) AS weighed WHERE before < ${PAGE_BYTES}`;
}

/** Where the page behind these rows begins. */
export function madePosition(rows: readonly MadeRow[]): MadePosition | null {
  const last = rows.at(-1);
  if (last === undefined || (last.found === rows.length && last.found < PAGE_ROWS)) return null;
  return { madeAt: last.made_at, name: last.made_name };
}
