import type { Queryable } from "@omnistore/db/client";
import { DEDUPLICATION_WINDOW_MS } from "@omnistore/domain/message/limits";
import { messageExpiryDay } from "@omnistore/domain/message/message-id";
import type { Message } from "@omnistore/domain/message/message";
import type { Due } from "@omnistore/domain/publish/publish-command";

import { storedContent, type StoredContent } from "../message-row.ts";
import { meterPublishes } from "../meter-usage.ts";
import { plainArray } from "../plain-array.ts";

/** One message with the place that its delivery starts from. */
export interface NewMessage {
  readonly message: Message;
  readonly due: Due;
  /** SHA-256, or null when the publisher did not ask for deduplication. */
  readonly deduplicationKey: Buffer | null;
  /** Place in the fair order, microseconds; used when the message is due at once. */
  readonly virtualTime: number;
  /** Dispatcher that takes the message without a claim, or null. Only for messages due now. */
  readonly owner: string | null;
  /** Queue whose place the message takes part in, without waiting for one of its own: a callback. */
  readonly inQueueOf?: string | null;
  /** The content as it is stored; absent: in clear. */
  readonly content?: StoredContent;
}

/**
 * One statement stores everything of a batch, or nothing. It returns for each message the id that
 * answers for it: its own, or that of the earlier one it duplicates.
 *
 * Bodies travel as one binary parameter that is cut apart here; an array of bytea would be sent as
 * hexadecimal text, twice the size. Keys and gates are written in order, so that two writers cannot
 * deadlock. The newest message of a flow-control key brings its rules, unless they are pinned.
 *
 * Prepared by name, because to parse and plan it takes longer than to store a few rows. It reads no
 * table, so a plan that is kept cannot suffer from old statistics; statements that do read are
 * planned each time.
 */
const INSERT_MESSAGES = `
WITH input AS (
  SELECT * FROM unnest(
    $2::uuid[], $3::uuid[], $4::date[], $5::float8[], $6::float8[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::int[], $12::int[], $13::int[], $14::text[], $15::bytea[],
    $16::int8[], $17::uuid[], $19::text[], $20::boolean[], $21::text[], $22::int[], $23::int[], $24::int[], $25::int[]
  ) WITH ORDINALITY AS i (
    tenant_id, id, expires_on, delay_ms, at_ms, wire, destination,
    method, headers, body_start, stored_length, max_retries, options, deduplication_key,
    virtual_time, owner, queue, queue_passed, flow_key, parallelism, rate, period_seconds, body_length, place
  )
), keys AS (
  INSERT INTO deduplications AS d (tenant_id, key, message_id, expires_at)
  SELECT tenant_id, deduplication_key, id, now() + $18::float8 * interval '1 ms'
  FROM input WHERE deduplication_key IS NOT NULL
  ORDER BY tenant_id, deduplication_key
  ON CONFLICT (tenant_id, key) DO UPDATE SET
    message_id = CASE WHEN d.expires_at <= now() THEN excluded.message_id ELSE d.message_id END,
    expires_at = CASE WHEN d.expires_at <= now() THEN excluded.expires_at ELSE d.expires_at END
  RETURNING d.tenant_id, d.key, d.message_id
), answered AS (
  SELECT i.*, coalesce(k.message_id, i.id) AS answers_for, coalesce(
    to_timestamp(i.at_ms / 1000), now() + coalesce(i.delay_ms, 0) * interval '1 ms'
  ) AS not_before
  FROM input i LEFT JOIN keys k ON k.tenant_id = i.tenant_id AND k.key = i.deduplication_key
), stored AS (
  INSERT INTO messages (
    tenant_id, id, expires_on, not_before, wire, destination, method, headers, body, max_retries, options
  )
  SELECT tenant_id, id, expires_on, not_before, wire, destination, method, headers::jsonb,
    substring($1::bytea FROM body_start + 1 FOR stored_length), max_retries, options::jsonb
  FROM answered WHERE answers_for = id
), queued AS (
  INSERT INTO deliveries (
    tenant_id, message_id, due_at, virtual_time, owner, leased_at, queue, queue_passed, flow_key, gate, position
  )
  SELECT tenant_id, id,
    CASE WHEN NOT is_due THEN not_before END,
    CASE WHEN is_due AND first_gate IS NULL AND owner IS NULL THEN virtual_time END,
    CASE WHEN is_due AND first_gate IS NULL THEN owner END,
    CASE WHEN is_due AND first_gate IS NULL AND owner IS NOT NULL THEN now() END,
    queue, queue_passed, flow_key,
    CASE WHEN is_due THEN first_gate END,
    CASE WHEN is_due AND first_gate IS NOT NULL THEN nextval('delivery_positions') END
  FROM (
    SELECT *, not_before <= now() AS is_due,
      CASE WHEN queue IS NOT NULL AND NOT queue_passed THEN 1 WHEN flow_key IS NOT NULL THEN 2 END AS first_gate
    FROM answered WHERE answers_for = id ORDER BY place
  ) AS in_order
), ${meterPublishes("(SELECT * FROM answered WHERE answers_for = id) AS counted")}, gated AS (
  INSERT INTO gates AS g (tenant_id, kind, name, parallelism, rate, period_seconds, due_at)
  SELECT DISTINCT ON (kind, tenant_id, name)
    tenant_id, kind, name, parallelism, rate, period_seconds, now()
  FROM (
    SELECT tenant_id, 1 AS kind, queue AS name, 1 AS parallelism, NULL::int AS rate, 1 AS period_seconds, place
    FROM answered WHERE answers_for = id AND queue IS NOT NULL
    UNION ALL
    SELECT tenant_id, 2, flow_key, parallelism, rate, period_seconds, place
    FROM answered WHERE answers_for = id AND flow_key IS NOT NULL
  ) AS touched
  ORDER BY kind, tenant_id, name, place DESC
  ON CONFLICT (tenant_id, kind, name) DO UPDATE SET
    parallelism = CASE WHEN g.kind = 1 OR g.is_pinned_parallelism THEN g.parallelism ELSE excluded.parallelism END,
    rate = CASE WHEN g.kind = 1 OR g.is_pinned_rate THEN g.rate ELSE excluded.rate END,
    period_seconds = CASE WHEN g.kind = 1 OR g.is_pinned_rate THEN g.period_seconds ELSE excluded.period_seconds END,
    due_at = now()
)
SELECT id, answers_for FROM answered`;

/** Stores a batch, durably unless inside a transaction. Returns the answering id of each, in order. */
export async function insertMessages(
  db: Queryable,
  batch: readonly NewMessage[],
): Promise<readonly string[]> {
  const contents = batch.map(({ message, content }) => content ?? storedContent(message, null));
  const { bodies, starts } = packBodies(contents);
  const { rows } = await db.query<{ id: string; answers_for: string }>({
    name: "insert-messages",
    text: INSERT_MESSAGES,
    values: [
      bodies,
      plainArray(batch.map(({ message }) => message.tenantId)),
      plainArray(batch.map(({ message }) => message.id)),
      plainArray(batch.map(({ message }) => messageExpiryDay(message.id))),
      plainArray(batch.map(({ due }) => (due.kind === "after" ? due.delayMs : null))),
      plainArray(batch.map(({ due }) => (due.kind === "at" ? due.unixMs : null))),
      batch.map(({ message }) => message.wire),
      batch.map(({ message }) => message.destination),
      batch.map(({ message }) => message.method),
      contents.map(({ headers }) => headers),
      plainArray(starts),
      plainArray(contents.map(({ body }) => body.length)),
      plainArray(batch.map(({ message }) => message.maxRetries)),
      contents.map(({ options }) => options),
      batch.map(({ deduplicationKey }) => deduplicationKey),
      plainArray(batch.map(({ virtualTime }) => virtualTime)),
      plainArray(batch.map(({ owner }) => owner)),
      DEDUPLICATION_WINDOW_MS,
      batch.map(({ message, inQueueOf }) => inQueueOf ?? message.options.queueName ?? null),
      plainArray(batch.map(({ inQueueOf }) => (inQueueOf ?? null) !== null)),
      batch.map(({ message }) => message.options.flowControl?.key ?? null),
      plainArray(batch.map(({ message }) => message.options.flowControl?.parallelism ?? null)),
      plainArray(batch.map(({ message }) => message.options.flowControl?.rate ?? null)),
      plainArray(batch.map(({ message }) => message.options.flowControl?.periodSeconds ?? null)),
      plainArray(batch.map(({ message }) => message.body.length)),
    ],
  });
  const answers = new Map(rows.map((row) => [row.id, row.answers_for]));
  return batch.map(({ message }) => answers.get(message.id) ?? message.id);
}

/** All bodies in one buffer and where each starts; one that several messages share is there once. */
function packBodies(contents: readonly StoredContent[]): {
  bodies: Buffer;
  starts: readonly number[];
} {
  const startOf = new Map<Buffer, number>();
  let end = 0;
  const starts = contents.map(({ body }) => {
    const known = startOf.get(body);
    if (known !== undefined) return known;
    const start = end;
    startOf.set(body, start);
    end += body.length;
    return start;
  });
  return { bodies: Buffer.concat([...startOf.keys()], end), starts };
}
