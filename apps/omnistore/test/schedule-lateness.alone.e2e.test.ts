import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { connect } from "@omnistore/db/client";
import { makeMessage } from "@omnistore/engine/publish/make-message";
import { insertMessages } from "@omnistore/engine/store/insert-messages.sql";
import { startProcess } from "@omnistore/testkit/child-process";
import { freshDatabase } from "@omnistore/testkit/postgres";
import pg from "pg";
import { expect, test } from "vitest";

const SCHEDULES = 10_000;
const TENANTS = 100;
const KEPT = { timeoutMs: 7_200_000, logRetentionDays: 7, deadLetterRetentionDays: 7 };
const BODY_BYTES = 1_000;
const BATCH = 500;

interface Sample {
  readonly fired: number;
  /** Since the tick, by the database's clock. */
  readonly lateMs: number;
}

/** Several thousand crons, in two hundred zones, all of which are due at the same minute by decree. */
function crons(): string[] {
  const zones = Intl.supportedValuesOf("timeZone").slice(0, 200);
  return Array.from(
    { length: SCHEDULES },
    (_, index) => `CRON_TZ=${zones[index % 200]} ${index % 60} ${index % 24} * * *`,
  );
}

/** How long the same number of messages takes when nothing but they are stored, one batch after the other. */
async function storeBare(databaseUrl: string): Promise<number> {
  const pool = connect({ databaseUrl });
  const start = performance.now();
  for (let stored = 0; stored < SCHEDULES; stored += BATCH) {
    const batch = Array.from({ length: BATCH }, () => {
      const due = { kind: "now" } as const;
      const command = {
        tenantId: randomUUID(),
        wire: "qstash",
        destination: "http://127.0.0.1:9/",
        method: "POST",
        headers: { "Content-Type": ["application/json"] },
        body: Buffer.alloc(BODY_BYTES, "x"),
        due,
        maxRetries: 3,
        options: {},
      } as const;
      const message = makeMessage(command, Date.now(), KEPT);
      return { message, due, deduplicationKey: null, virtualTime: Date.now() * 1_000, owner: null };
    });
    await insertMessages(pool, batch);
  }
  await pool.end();
  return performance.now() - start;
}

test("03 §3 10,000 schedules that are due at the same minute fire within moments of it", async () => {
  const database = await freshDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const scheduler = startProcess("apps/scheduler/src/main.ts", { DATABASE_URL: database.url });
  try {
    await scheduler.line("the scheduler is running");
    await client.query(
      `INSERT INTO schedules (tenant_id, id, cron, wire, destination, method, headers, body, max_retries)
       SELECT ('00000000-0000-7000-8000-' || lpad((n % $2::int)::text, 12, '0'))::uuid, 's' || n,
         ($1::text[])[n], 'qstash', 'http://127.0.0.1:9/', 'POST',
         '{"Content-Type": ["application/json"]}', convert_to(repeat('x', $3::int), 'UTF8'), 3
       FROM generate_series(1, cardinality($1::text[])) n`,
      [crons(), TENANTS, BODY_BYTES],
    );
    await client.query("VACUUM ANALYZE schedules");
    const { rows } = await client.query<{ tick: Date }>(
      `UPDATE schedules SET next_run_at = date_trunc('second', now()) + interval '3 s'
       RETURNING next_run_at AS tick`,
    );
    await client.query("VACUUM ANALYZE schedules");

    const samples: Sample[] = [];
    while ((samples.at(-1)?.fired ?? 0) < SCHEDULES) {
      await sleep(10);
      const sample = await client.query<Sample>(
        `SELECT count(*)::int AS fired,
           (extract(epoch FROM clock_timestamp() - $1::timestamptz) * 1000)::float8 AS "lateMs"
         FROM schedule_ticks`,
        [rows[0]?.tick],
      );
      samples.push(...sample.rows);
    }
    const lateness = (share: number) =>
      samples.find(({ fired }) => fired >= share * SCHEDULES)?.lateMs ?? Infinity;
    const [p50, p99, last] = [0.5, 0.99, 1].map((share) => Math.round(lateness(share)));
    console.info(`fired ${SCHEDULES}: p50 ${p50} ms, p99 ${p99} ms, last ${last} ms late`);
    expect(samples.find(({ fired }) => fired > 0)?.lateMs).toBeGreaterThan(0);
    // Beside other work every statement is slow: then what counts is what the bare messages would take.
    const bareMs = await storeBare(database.url);
    console.info(`storing as many bare messages took ${Math.round(bareMs)} ms`);
    expect(p99).toBeLessThan(Math.max(1_000, 4 * bareMs));
  } finally {
    await scheduler.end("SIGKILL");
    await client.end();
    await database.drop();
  }
});
