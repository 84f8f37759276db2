import { connect, maintenanceQuery } from "@omnistore/db/client";
import { DEVELOPMENT_CREDENTIALS } from "@omnistore/engine/tenant/development-credentials";

/** What a database is filled with. A hundredth of each belongs to the development tenant, or all of it where there is no other. */
export interface Filling {
  readonly tenants: number;
  /** Messages that are due in the next month. */
  readonly delayed: number;
  /** Messages that were delivered in the last hour, each with its log row. */
  readonly finished: number;
  /** Messages that wait at queues and flow-control keys, ten of them for each tenant. */
  readonly parked: number;
  readonly deadLetters: number;
}

/** Just so much that there is something to read. */
export const NEARLY_EMPTY: Filling = {
  tenants: 1,
  delayed: 200,
  finished: 200,
  parked: 0,
  deadLetters: 200,
};

export const FULL: Filling = {
  tenants: 10_000,
  delayed: 1_000_000,
  finished: 1_000_000,
  parked: 100_000,
  deadLetters: 100_000,
};

const OWN = `'${DEVELOPMENT_CREDENTIALS.tenantId}'::uuid`;
/** Every hundredth row is the development tenant's, and all where it is alone. */
const TENANT = `CASE WHEN $2 = 1 OR n % 100 = 0 THEN ${OWN}
  ELSE ('00000000-0000-4000-8000-' || lpad(to_hex(n % $2), 12, '0'))::uuid END`;
const GATE = `(n / $2) % 10`;

/** A message id of the last hour, of a message that is kept for ten days; `salt` tells kinds apart. */
function id(salt: number): string {
  return `(lpad(to_hex((extract(epoch FROM now()) * 1000)::int8 - n % 3600000), 12, '0')
    || '700a8' || lpad(to_hex(${salt}), 3, '0') || lpad(to_hex(n), 12, '0'))::uuid`;
}

/** Stores messages with their delivery, log row or dead letter; $1 is how many, $2 how many tenants there are. */
function storing(salt: number, what: string): string {
  return `WITH made AS MATERIALIZED (
    SELECT n, ${TENANT} AS tenant_id, ${id(salt)} AS id FROM generate_series(1, $1::int) n, (SELECT $2::int) t
  ), stored AS (
    INSERT INTO messages (tenant_id, id, expires_on, not_before, wire, destination, method, headers, body, max_retries)
    SELECT tenant_id, id, message_expiry_day(id), now(), 'qstash', 'http://127.0.0.1:9/', 'POST', '{}', 'x', 3 FROM made
  ) ${what}`;
}

const STATEMENTS = {
  delayed: storing(
    1,
    `INSERT INTO deliveries (tenant_id, message_id, due_at)
     SELECT tenant_id, id, now() + interval '1 hour' + random() * interval '30 days' FROM made`,
  ),
  finished: storing(
    2,
    `INSERT INTO delivery_logs (tenant_id, message_id, retried, logged_on, started_at, ended_at, outcome, status)
     SELECT tenant_id, id, 0, (now() AT TIME ZONE 'UTC')::date, started_at, started_at + interval '5 ms', 'delivered', 200
     FROM (SELECT *, now() - n % 3600000 * interval '1 ms' AS started_at FROM made) AS attempts`,
  ),
  parked: storing(
    3,
    `INSERT INTO deliveries (tenant_id, message_id, gate, queue, flow_key, position)
     SELECT tenant_id, id, 1 + n % 2, CASE n % 2 WHEN 0 THEN 'queue-' || ${GATE} END,
       CASE n % 2 WHEN 1 THEN 'key-' || ${GATE} END, nextval('delivery_positions') FROM made`,
  ),
  deadLetters: storing(
    4,
    `INSERT INTO dead_letters (tenant_id, id, died_on, message_id, died_at, status, error)
     SELECT tenant_id, ${id(5)}, (now() AT TIME ZONE 'UTC')::date, id, now(), 500, 'no' FROM made`,
  ),
} as const;

const TENANTS = `
  INSERT INTO tenants (tenant_id, name, current_signing_key, next_signing_key)
  SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'tenant ' || n, '', ''
  FROM generate_series(0, $1::int - 2) n`;

const GATES = `
  INSERT INTO gates (tenant_id, kind, name, parallelism)
  SELECT DISTINCT tenant_id, gate, coalesce(queue, flow_key), 1 FROM deliveries WHERE gate IS NOT NULL`;

/** Fills a migrated database. Its statistics know of everything, as those of a database in use. */
export async function fillDatabase(databaseUrl: string, filling: Filling): Promise<void> {
  const owner = connect({ databaseUrl, maxConnections: 1 });
  const run = (text: string, values: readonly unknown[] = []) =>
    owner.query(maintenanceQuery(text, [...values]));
  try {
    await run(TENANTS, [filling.tenants]);
    await run(STATEMENTS.delayed, [filling.delayed, filling.tenants]);
    await run(STATEMENTS.finished, [filling.finished, filling.tenants]);
    await run(STATEMENTS.parked, [filling.parked, filling.tenants]);
    await run(STATEMENTS.deadLetters, [filling.deadLetters, filling.tenants]);
    await run(GATES);
    await run("VACUUM ANALYZE");
    await run("CHECKPOINT");
  } finally {
    await owner.end();
  }
}
