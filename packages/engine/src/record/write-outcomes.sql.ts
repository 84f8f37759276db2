import type { Queryable } from "@omnistore/db/client";
import type { AttemptOutcome } from "@omnistore/domain/history/attempt";

import type { StoredAnswer } from "../answer-row.ts";
import { gatesOf, markGates } from "../mark-gates.ts";
import { meterAttempts } from "../meter-usage.ts";
import { plainArray } from "../plain-array.ts";
import type { LeasedDelivery } from "../leased-delivery.ts";
import type { MessageToStore } from "../publish/transaction-store.ts";

/** How one attempt ended and what follows. Times are unix milliseconds of the database's clock. */
export interface Outcome extends StoredAnswer {
  readonly leased: LeasedDelivery;
  readonly outcome: AttemptOutcome;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Until the next attempt; null unless the outcome is `retry`. */
  readonly retryDelayMs: number | null;
  /** Id of the dead letter; null unless the outcome is `dead`. */
  readonly deadLetterId: string | null;
  readonly status: number | null;
  readonly error: string | null;
  /** Bytes of the body that was sent. */
  readonly sentBytes: number;
  /** Messages about this attempt that are to be stored if it counts. */
  readonly callbacks: readonly MessageToStore[];
}

/**
 * One statement ends every attempt of a batch: deliveries leave or are delayed, attempts are logged,
 * what is given up becomes a dead letter. Only what its dispatcher still owns is touched: that is
 * the fence. An outcome that came too late changes nothing and logs nothing, also beside the one that
 * came in time: a dispatcher that took a message over from itself may end both in one batch. Gates learn of the
 * places that became free: a retry keeps its place in its queue, and none at its flow-control key.
 *
 * Served by the primary key of `deliveries`: connections read no table whole that has an index (see `connect`),
 * and the look-up by key is closed off by OFFSET 0, with owner and attempt compared outside of it. Left to itself the planner may come by
 * `deliveries_leased`, which holds every delivery that this owner ever ended until VACUUM. A row that moved
 * since it was found has another ctid, is not matched, and the fence holds. That is also why the statement
 * may be prepared: the plan of a connection that began on an empty queue serves a full one.
 */
const WRITE_OUTCOMES = `
WITH outcome AS (
  SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::float8[], $7::float8[],
    $8::float8[], $9::uuid[], $10::int[], $11::text[], $12::bytea[], $13::text[], $14::int[]
  ) AS o (
    tenant_id, message_id, owner, retried, outcome, started_ms, ended_ms,
    retry_delay_ms, dead_letter_id, status, response_headers, response_body, error, sent_bytes
  )
), owned AS MATERIALIZED (
  SELECT o.owner, o.retried, o.outcome, o.retry_delay_ms, d.ctid FROM outcome o CROSS JOIN LATERAL (
    SELECT ctid, owner, retried FROM deliveries
    WHERE tenant_id = o.tenant_id AND message_id = o.message_id OFFSET 0
  ) d WHERE d.owner = o.owner AND d.retried = o.retried
), finished AS (
  DELETE FROM deliveries d USING owned o
  WHERE d.ctid = o.ctid AND o.outcome <> 'retry'
  RETURNING d.tenant_id, d.message_id, o.owner, o.retried, NULL::timestamptz AS due_at, d.queue, d.flow_key
), postponed AS (
  UPDATE deliveries d SET owner = NULL, leased_at = NULL, retried = d.retried + 1,
    due_at = now() + o.retry_delay_ms * interval '1 ms'
  FROM owned o
  WHERE d.ctid = o.ctid AND o.outcome = 'retry'
  RETURNING d.tenant_id, d.message_id, o.owner, o.retried, d.due_at, NULL::text AS queue, d.flow_key
), fenced AS (
  SELECT o.*, f.due_at, f.queue, f.flow_key, to_timestamp(o.started_ms / 1000) AS started_at,
    to_timestamp(o.ended_ms / 1000) AS ended_at
  FROM outcome o
  JOIN (SELECT * FROM finished UNION ALL SELECT * FROM postponed) f
    USING (tenant_id, message_id, owner, retried)
), ${markGates(gatesOf("fenced"))}, ${meterAttempts("fenced")}, logged AS (
  INSERT INTO delivery_logs (
    tenant_id, message_id, retried, logged_on, started_at, ended_at, outcome, next_due_at,
    status, response_headers, response_body, error
  )
  SELECT tenant_id, message_id, retried, (ended_at AT TIME ZONE 'UTC')::date, started_at, ended_at,
    outcome, due_at, status, response_headers::jsonb, response_body, error
  FROM fenced
), buried AS (
  INSERT INTO dead_letters (
    tenant_id, id, died_on, message_id, died_at, status, response_headers, response_body, error
  )
  SELECT tenant_id, dead_letter_id, (ended_at AT TIME ZONE 'UTC')::date, message_id, ended_at,
    status, response_headers::jsonb, response_body, error
  FROM fenced WHERE outcome = 'dead'
)
SELECT message_id, owner, retried FROM fenced`;

/** Ends a batch of attempts, without their callbacks; returns for each, in order, whether its outcome counted. */
export async function writeOutcomes(
  db: Queryable,
  batch: readonly Outcome[],
): Promise<readonly boolean[]> {
  const { rows } = await db.query<{ message_id: string; owner: string; retried: number }>({
    name: "write-outcomes",
    text: WRITE_OUTCOMES,
    values: [
      plainArray(batch.map(({ leased }) => leased.tenantId)),
      plainArray(batch.map(({ leased }) => leased.messageId)),
      plainArray(batch.map(({ leased }) => leased.owner)),
      plainArray(batch.map(({ leased }) => leased.retried)),
      batch.map(({ outcome }) => outcome),
      plainArray(batch.map(({ startedAtMs }) => startedAtMs)),
      plainArray(batch.map(({ endedAtMs }) => endedAtMs)),
      plainArray(batch.map(({ retryDelayMs }) => retryDelayMs)),
      plainArray(batch.map(({ deadLetterId }) => deadLetterId)),
      plainArray(batch.map(({ status }) => status)),
      batch.map(({ responseHeaders }) => responseHeaders && JSON.stringify(responseHeaders)),
      batch.map(({ responseBody }) => responseBody),
      batch.map(({ error }) => error),
      plainArray(batch.map(({ sentBytes }) => sentBytes)),
    ],
  });
  const counted = new Set(rows.map((row) => `${row.message_id} ${row.owner} ${row.retried}`));
  return batch.map(({ leased }) =>
    counted.has(`${leased.messageId} ${leased.owner} ${leased.retried}`),
  );
}
