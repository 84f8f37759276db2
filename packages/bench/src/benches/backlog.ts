import { randomBytes, randomUUID } from "node:crypto";

import { connect, maintenanceQuery, type Pool } from "@omnistore/db/client";
import { migrate } from "@omnistore/db/migrate";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import { claimDeliveries } from "@omnistore/engine/claim/claim-deliveries.sql";
import { createCore, type EngineCore } from "@omnistore/engine/core";
import { registerDispatcher } from "@omnistore/engine/lease/heartbeat.sql";
import { makeMessage } from "@omnistore/engine/publish/make-message";
import { insertMessages } from "@omnistore/engine/store/insert-messages.sql";

import type { Bench } from "../bench.ts";
import type { Lab } from "../lab/lab.ts";
import { alternate, divide, type Measure } from "../measure/alternate.ts";
import { quantile } from "../measure/statistics.ts";

const CLAIM = 500;
const CLAIMS_OF_A_RUN = 20;
const WAITING = 1_000_000;
const FINISHED = 1_000_000;

/** Claims beside a million delayed and a million finished messages, and in an empty database. */
export const backlog: Bench = {
  name: "backlog",
  summary: "a claim of 500 with 1M delayed and 1M finished messages, and with none",
  async run(lab, rounds) {
    const empty = await makeDatabase(lab, "backlog_empty");
    const full = await makeDatabase(lab, "backlog_full");
    lab.note("filling one of two databases");
    await fill(full);
    const claim = await alternate(
      rounds,
      { full: claiming(full), empty: claiming(empty) },
      lab.note,
    );
    return {
      rows: [
        {
          name: "claim of 500 with 1M delayed and 1M finished ÷ empty",
          unit: "ratio",
          values: divide(claim.full, claim.empty),
          target: { atMost: 1.1 },
        },
      ],
      samples: [
        { name: "claim of 500, full", unit: "ms", values: claim.full },
        { name: "claim of 500, empty", unit: "ms", values: claim.empty },
      ],
    };
  },
};

async function makeDatabase(lab: Lab, name: string): Promise<EngineCore> {
  const databaseUrl = await lab.createDatabase(name);
  await migrate(databaseUrl);
  const core = createCore({ databaseUrl, encryptionKey: randomBytes(32), sealsContent: false });
  await core.start();
  lab.onClose(() => core.stop());
  return core;
}

/** Delayed ones with their messages, finished ones with their logs, and statistics that know of both. */
async function fill({ pool, databaseUrl }: EngineCore): Promise<void> {
  const message = `'qstash', 'http://127.0.0.1:9/', 'POST', '{}', 'x', 3`;
  await pool.query(
    maintenanceQuery(
      `WITH made AS (
       SELECT gen_random_uuid() AS tenant_id, uuidv7() AS id FROM generate_series(1, $1::int)
     ), stored AS (
       INSERT INTO messages (tenant_id, id, expires_on, not_before, wire, destination, method, headers, body, max_retries)
       SELECT tenant_id, id, current_date + 10, now(), ${message} FROM made
     )
     INSERT INTO deliveries (tenant_id, message_id, due_at)
     SELECT tenant_id, id, now() + interval '1 hour' + random() * interval '30 days' FROM made`,
      [WAITING],
    ),
  );
  await pool.query(
    maintenanceQuery(
      `WITH made AS (
       SELECT gen_random_uuid() AS tenant_id, uuidv7() AS id FROM generate_series(1, $1::int)
     ), stored AS (
       INSERT INTO messages (tenant_id, id, expires_on, not_before, wire, destination, method, headers, body, max_retries)
       SELECT tenant_id, id, current_date + 10, now(), ${message} FROM made
     )
     INSERT INTO delivery_logs (tenant_id, message_id, retried, logged_on, started_at, ended_at, outcome, status)
     SELECT tenant_id, id, 0, (now() AT TIME ZONE 'UTC')::date, now(), now(), 'delivered', 200 FROM made`,
      [FINISHED],
    ),
  );
  // The core's role owns no table, and may do neither.
  const owner = connect({ databaseUrl, maxConnections: 1 });
  await owner.query(maintenanceQuery("VACUUM ANALYZE deliveries, messages, delivery_logs"));
  await owner.query(maintenanceQuery("CHECKPOINT"));
  await owner.end();
}

/** Median milliseconds of a claim, each with as many ready deliveries as it may take. */
function claiming({ pool, clock }: EngineCore): Measure {
  return async () => {
    const tookMs: number[] = [];
    for (let claim = 0; claim < CLAIMS_OF_A_RUN; claim += 1) {
      const owner = makeUuidV7({ unixMs: Math.floor(clock.nowMs()), random: randomBytes(10) });
      await registerDispatcher(pool, owner);
      await storeReady(pool, clock.nowMs());
      const startedMs = performance.now();
      const { leased } = await claimDeliveries(pool, owner, CLAIM);
      tookMs.push(performance.now() - startedMs);
      if (leased.length !== CLAIM) throw new Error(`claimed ${leased.length} of ${CLAIM}`);
      await pool.query("DELETE FROM deliveries WHERE owner = $1", [owner]);
    }
    return quantile(
      tookMs.toSorted((a, b) => a - b),
      0.5,
    );
  };
}

async function storeReady(pool: Pool, nowMs: number): Promise<void> {
  const tenantId = randomUUID();
  const batch = Array.from({ length: CLAIM }, (_, index) => {
    const due = { kind: "now" } as const;
    const message = makeMessage(
      {
        tenantId,
        wire: "qstash",
        destination: "http://127.0.0.1:9/",
        method: "POST",
        headers: {},
        body: Buffer.from("body"),
        due,
        maxRetries: 3,
        options: {},
      },
      nowMs,
    );
    const virtualTime = Math.round(nowMs * 1000) + index;
    return { message, due, deduplicationKey: null, virtualTime, owner: null };
  });
  await insertMessages(pool, batch);
}
