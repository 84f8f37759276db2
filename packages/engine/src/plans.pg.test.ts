import { PLANS } from "@omnistore/domain/tenant/plans";
import { randomUUID } from "node:crypto";

import type { Pool } from "@omnistore/db/client";
import { tenantPool } from "@omnistore/db/tenant-pool";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { cancelMessages } from "./cancel/cancel-messages.ts";
import { claimDeliveries } from "./claim/claim-deliveries.sql.ts";
import { promoteDue } from "./claim/promote-due.sql.ts";
import { listDeadLetters } from "./dead-letter/list-dead-letters.ts";
import { getDeadLetter } from "./dead-letter/select-dead-letters.sql.ts";
import { openGates } from "./gate/open-gates.ts";
import { pageOfQueues } from "./gate/queues.sql.ts";
import { getMessage } from "./history/get-message.ts";
import { listLogs } from "./history/list-logs.ts";
import { loadMessages } from "./load-messages.sql.ts";
import { makeMessage } from "./publish/make-message.ts";
import { writeOutcomes } from "./record/write-outcomes.sql.ts";
import { handBack } from "./rescue/hand-back.sql.ts";
import { releaseForgotten } from "./rescue/release-forgotten.sql.ts";
import { rescueExpired } from "./rescue/rescue-expired.sql.ts";
import { forgetDeduplications } from "./store/forget-deduplications.sql.ts";
import { insertMessages } from "./store/insert-messages.sql.ts";

/** Of each: finished, delayed, parked at gates, dead. One of the tenants is asked for. */
const ROWS = 50_000;
const TENANTS = 100;
const GATES_PER_TENANT = 500;
/** Tables that grow with what is published. */
const GROWING = /^(messages|deliveries|delivery_logs|dead_letters|deduplications|gates)(_\d{8})?$/;
/** Rows that a scan may read although it returns little: a page, a batch, what one tenant has waiting. */
const READS_LIMIT = 5_000;

let engine: TestEngine;
const tenantId = tenant(1);
let sample: { delayed: string; deadLetter: string };

beforeAll(async () => {
  engine = await startEngine();
  await fill(engine.core.pool);
  const { rows } = await engine.core.pool.query<typeof sample>(
    `SELECT (SELECT message_id FROM deliveries WHERE tenant_id = $1 AND due_at IS NOT NULL LIMIT 1) AS delayed,
       (SELECT id FROM dead_letters WHERE tenant_id = $1 LIMIT 1) AS "deadLetter"`,
    [tenantId],
  );
  sample = rows[0] ?? { delayed: "", deadLetter: "" };
});
afterAll(() => engine.stop());

function tenant(index: number): string {
  return `00000000-0000-4000-8000-${index.toString(16).padStart(12, "0")}`;
}

/** Fills every growing table, as months of use would. */
async function fill(pool: Pool): Promise<void> {
  const baseMs = Math.floor(engine.core.clock.nowMs());
  // A uuidv7 of a moment in the last hour, kept for ten days.
  const id = (salt: number) =>
    `(lpad(to_hex(${baseMs} - (n % 3600000)), 12, '0') || '700a8' || lpad(to_hex(${salt}), 3, '0') || lpad(to_hex(n), 12, '0'))::uuid`;
  const own = `('00000000-0000-4000-8000-' || lpad(to_hex(n % ${TENANTS}), 12, '0'))::uuid`;
  const all = `FROM generate_series(1, ${ROWS}) n`;
  const stored = [1, 2, 3, 4].map(
    (salt) => `
    INSERT INTO messages (tenant_id, id, expires_on, not_before, wire, destination, method, headers, body, max_retries)
    SELECT ${own}, ${id(salt)}, message_expiry_day(${id(salt)}), now(), 'qstash',
      'https://example.com/', 'POST', '{}', 'body', 3 ${all}`,
  );
  const others = [
    `INSERT INTO delivery_logs (tenant_id, message_id, retried, logged_on, started_at, ended_at, outcome)
     SELECT ${own}, ${id(1)}, 0, (now() AT TIME ZONE 'UTC')::date, now() - (n % 3600000) * interval '1 ms', now(), 'delivered' ${all}`,
    `INSERT INTO deliveries (tenant_id, message_id, due_at)
     SELECT ${own}, ${id(2)}, now() + interval '1 day' + n * interval '1 s' ${all}`,
    `INSERT INTO deliveries (tenant_id, message_id, gate, queue, flow_key, position)
     SELECT ${own}, ${id(3)}, 1 + n % 2, CASE n % 2 WHEN 0 THEN 'queue-' || n % 10 END,
       CASE n % 2 WHEN 1 THEN 'key-' || n % 10 END, nextval('delivery_positions') ${all}`,
    `INSERT INTO gates (tenant_id, kind, name, parallelism)
     SELECT ${own}, kind, CASE kind WHEN 1 THEN 'queue-' ELSE 'key-' END || g, 1
     FROM generate_series(1, ${TENANTS}) n, generate_series(1, 2) kind,
       generate_series(0, ${GATES_PER_TENANT / 2 - 1}) g`,
    `INSERT INTO dead_letters (tenant_id, id, died_on, message_id, died_at, status, error)
     SELECT ${own}, ${id(5)}, (now() AT TIME ZONE 'UTC')::date, ${id(4)}, now(), 500, 'no' ${all}`,
    `INSERT INTO deduplications (tenant_id, key, message_id, expires_at)
     SELECT ${own}, decode(md5(n::text), 'hex'), ${id(1)}, now() + interval '1 hour' ${all}`,
  ];
  for (const statement of [...stored, ...others]) await pool.query(slow(statement));
}

function slow(text: string): pg.QueryConfig & { readonly query_timeout: number } {
  return { text, query_timeout: 60_000 };
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Plan Rows": number;
  readonly "Actual Rows"?: number;
  readonly "Actual Loops"?: number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** True: it runs as the role that sees one tenant only, and is explained as that. */
  readonly isOfTenant: boolean;
}

const IS_STATEMENT = /^\s*(WITH|SELECT|INSERT|UPDATE|DELETE)/;

/** Runs a verb of the engine and notes every statement it sends, also inside its transactions. */
async function statementsOf(work: (pool: Pool) => Promise<unknown>): Promise<readonly Statement[]> {
  const sent: Statement[] = [];
  const noting = <Target extends object>(target: Target): Target =>
    new Proxy(target, {
      get(real, name) {
        const member: unknown = Reflect.get(real, name, real);
        if (typeof member !== "function") return member;
        if (name === "connect") {
          return async () => {
            const client: unknown = await member.call(real);
            return typeof client === "object" && client !== null ? noting(client) : client;
          };
        }
        if (name !== "query") return member.bind(real) as unknown;
        return (query: unknown, values: readonly unknown[] = []) => {
          const named = typeof query === "object" && query !== null && "text" in query;
          const text = named ? query.text : query;
          const given =
            named && "values" in query && Array.isArray(query.values) ? query.values : values;
          if (typeof text === "string" && IS_STATEMENT.test(text))
            sent.push({ text, values: given, isOfTenant: query instanceof pg.Query });
          return member.call(real, query, ...(values.length > 0 ? [values] : [])) as unknown;
        };
      },
    });
  await work(noting(engine.core.pool));
  return sent;
}

/** Scans of growing tables that read a whole table, or read much to return little. */
async function badScansOf({ text, values, isOfTenant }: Statement): Promise<readonly string[]> {
  // A message cannot be stored twice: there the plan has to do.
  const analyze = text.includes("INSERT INTO messages") ? "" : "ANALYZE, ";
  const { pool } = isOfTenant ? engine.core.scopeOf(tenantId) : engine.core;
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
      `EXPLAIN (${analyze}FORMAT JSON) ${text}`,
      [...values],
    );
    const all = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(all)];
    const root = rows[0]?.["QUERY PLAN"][0].Plan;
    return (
      (root ? all(root) : [])
        .filter(
          (node) => GROWING.test(node["Relation Name"] ?? "") && (node["Actual Loops"] ?? 1) > 0,
        )
        .map((node) => ({
          name: `${node["Node Type"]} on ${node["Relation Name"]}`,
          read: (node["Actual Rows"] ?? node["Plan Rows"]) + (node["Rows Removed by Filter"] ?? 0),
        }))
        // An empty partition may be read whole: there is nothing in it.
        .filter(({ name, read }) => read > (name.startsWith("Seq Scan") ? 100 : READS_LIMIT))
        .map(({ name, read }) => `${name} reads ${read} rows`)
    );
  } finally {
    await client.query("ROLLBACK");
    client.release();
  }
}

const page = { order: "latestFirst", count: 20 } as const;

function newMessage(index: number) {
  const options =
    index % 2 === 0
      ? { queueName: "queue-1" }
      : { flowControl: { key: "key-1", parallelism: 1, periodSeconds: 1 } };
  return {
    message: makeMessage(
      engine.command({ tenantId, options }),
      engine.core.clock.nowMs(),
      PLANS.development,
    ),
    due: { kind: "now" } as const,
    deduplicationKey: Buffer.from(randomUUID()),
    owner: null,
    virtualTime: 1,
  };
}

/** Some attempts that are over: half of them have to be made again. */
async function recordSome(pool: Pool): Promise<void> {
  const owner = await engine.dispatcher();
  for (let index = 0; index < 20; index += 1) await engine.store();
  const { leased } = await claimDeliveries(engine.core.pool, owner, 20);
  const outcomes = leased.map((delivery, index) =>
    engine.outcome(delivery, index % 2 === 0 ? { outcome: "retry", retryDelayMs: 3_600_000 } : {}),
  );
  await writeOutcomes(pool, outcomes);
}

async function openSome(pool: Pool): Promise<void> {
  await engine.core.pool.query(
    "UPDATE gates SET due_at = now() WHERE tenant_id = $1 AND name IN ('queue-2', 'key-1')",
    [tenantId],
  );
  await openGates(pool, await engine.dispatcher(), 64);
}

const cancelBy = (pool: Pool, filter: object) =>
  cancelMessages(tenantPool(pool, tenantId), tenantId, { kind: "filter", filter });

const verbs: readonly (readonly [string, (pool: Pool) => Promise<unknown>])[] = [
  ["claim", async (pool) => claimDeliveries(pool, await engine.dispatcher(), 64)],
  ["promote", (pool) => promoteDue(pool, 500)],
  [
    "load",
    (pool) => loadMessages(pool, engine.core.vault, [{ tenantId, messageId: sample.delayed }]),
  ],
  [
    "publish",
    (pool) =>
      insertMessages(
        pool,
        Array.from({ length: 20 }, (_, index) => newMessage(index)),
      ),
  ],
  ["record", recordSome],
  ["rescue", (pool) => rescueExpired(pool, 3_600_000)],
  [
    "release forgotten",
    async (pool) => releaseForgotten(pool, await engine.dispatcher(), new Set(), 0),
  ],
  [
    "hand back",
    async (pool) => {
      const owner = await engine.dispatcher();
      await handBack(pool, [
        { tenantId, messageId: sample.delayed, owner, retried: 0, isGated: false },
      ]);
    },
  ],
  ["open gates", openSome],
  ["list queues", (pool) => pageOfQueues(tenantPool(pool, tenantId), tenantId, null)],
  [
    "get a message",
    (pool) => getMessage(tenantPool(pool, tenantId), engine.core.vault, tenantId, sample.delayed),
  ],
  ["list logs", (pool) => listLogs(tenantPool(pool, tenantId), engine.core.vault, tenantId, page)],
  [
    "list dead letters",
    (pool) => listDeadLetters(tenantPool(pool, tenantId), engine.core.vault, tenantId, page),
  ],
  [
    "get a dead letter",
    (pool) =>
      getDeadLetter(tenantPool(pool, tenantId), engine.core.vault, tenantId, sample.deadLetter),
  ],
  [
    "cancel by id",
    (pool) =>
      cancelMessages(tenantPool(pool, tenantId), tenantId, {
        kind: "ids",
        messageIds: [sample.delayed],
      }),
  ],
  ["cancel by filter", (pool) => cancelBy(pool, { urls: ["https://nowhere.example/"] })],
  ["cancel a queue", (pool) => cancelBy(pool, { queueNames: ["nobody"] })],
  ["forget deduplications", (pool) => forgetDeduplications(pool)],
];

describe.each(["before the first ANALYZE", "with fresh statistics"])("%s", (statistics) => {
  beforeAll(async () => {
    if (statistics === "with fresh statistics") await engine.owner.query(slow("ANALYZE"));
  });

  test.each(verbs)("%s reads no growing table whole", async (_, verb) => {
    const statements = await statementsOf(verb);
    expect(statements).not.toEqual([]);
    for (const statement of statements) {
      expect({ ...statement, bad: await badScansOf(statement) }).toEqual({ ...statement, bad: [] });
    }
  });
});

test("a plan made while the queue is empty reads by the key, not the whole table for each row", async () => {
  const fresh = await startEngine();
  // What autovacuum does when nothing waits: from then on the planner takes the table for a few rows.
  const owner = new pg.Client({ connectionString: fresh.core.databaseUrl });
  await owner.connect();
  await owner.query("VACUUM ANALYZE deliveries");
  await owner.end();
  const { rows } = await fresh.core.pool.query<{ "QUERY PLAN": string }>(
    `EXPLAIN SELECT d.ctid FROM unnest($1::uuid[], $2::uuid[]) AS o (tenant_id, message_id)
     CROSS JOIN LATERAL (SELECT ctid FROM deliveries
       WHERE tenant_id = o.tenant_id AND message_id = o.message_id OFFSET 0) d`,
    [[tenantId], [sample.delayed]],
  );
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toContain("deliveries_pkey");
  expect(plan).not.toContain("Seq Scan on deliveries");
  await fresh.stop();
});
