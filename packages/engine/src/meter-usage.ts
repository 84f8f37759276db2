/**
 * Parts of the statements that store messages and record outcomes: what a batch used is appended in
 * the statement that did it, one row for each tenant of the batch. It is there exactly if the batch
 * is, costs no statement of its own, and locks nothing that another writer waits for.
 */

/** Counts what `stored` (tenant_id, body_length) holds. */
export function meterPublishes(stored: string): string {
  return `metered AS (
  INSERT INTO usage_batches (tenant_id, used_on, hour, publishes, bytes_in)
  SELECT tenant_id, (now() AT TIME ZONE 'UTC')::date, date_trunc('hour', now(), 'UTC'),
    count(*), sum(body_length)
  FROM ${stored} GROUP BY tenant_id
)`;
}

/** Counts what `fenced` (tenant_id, outcome, sent_bytes) holds. */
export function meterAttempts(fenced: string): string {
  return `metered AS (
  INSERT INTO usage_batches (tenant_id, used_on, hour, attempts, deliveries, bytes_out)
  SELECT tenant_id, (now() AT TIME ZONE 'UTC')::date, date_trunc('hour', now(), 'UTC'),
    count(*), count(*) FILTER (WHERE outcome = 'delivered'), sum(sent_bytes)
  FROM ${fenced} GROUP BY tenant_id
)`;
}
