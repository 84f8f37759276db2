/**
 * CTEs that tell gates to be looked at, for statements that free a place or park a delivery: `named`
 * must yield (tenant_id, kind, name). Gates are locked by kind, tenant and name everywhere, so that
 * two statements never wait for each other.
 *
 * The update finds them by key, not by ctid: a gate that had to be waited for has been changed since,
 * and its new row is not visible at its new place, so that the mark would be lost.
 */
export function markGates(named: string): string {
  return `gates_to_mark AS (
    SELECT g.tenant_id, g.kind, g.name FROM gates g
    JOIN (SELECT DISTINCT tenant_id, kind, name FROM (${named}) AS named) n
      ON n.tenant_id = g.tenant_id AND n.kind = g.kind AND n.name = g.name
    ORDER BY g.kind, g.tenant_id, g.name FOR UPDATE OF g
  ), marked_gates AS (
    UPDATE gates g SET due_at = now() FROM gates_to_mark m
    WHERE g.tenant_id = m.tenant_id AND g.kind = m.kind AND g.name = m.name
  )`;
}

/** The gates of a delivery, as `named` of `markGates`: rows of `source` have queue and flow_key. */
export function gatesOf(source: string): string {
  return `SELECT tenant_id, 1::smallint AS kind, queue AS name FROM ${source} WHERE queue IS NOT NULL
    UNION ALL
    SELECT tenant_id, 2::smallint, flow_key FROM ${source} WHERE flow_key IS NOT NULL`;
}

/**
 * SET list that takes a lease back. What has a flow-control key waits at its gate again; the rest is
 * ready, at the place that its lease had.
 */
export const BACK_TO_THE_QUEUE = `owner = NULL, leased_at = NULL,
  gate = CASE WHEN flow_key IS NOT NULL THEN 2 END,
  virtual_time = CASE WHEN flow_key IS NULL THEN (extract(epoch FROM coalesce(leased_at, now())) * 1e6)::int8 END`;
