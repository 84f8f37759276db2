import { randomBytes } from "node:crypto";

import { migrate } from "@omnistore/db/migrate";
import { createCore, type EngineCore } from "@omnistore/engine/core";
import { DEVELOPMENT_CREDENTIALS } from "@omnistore/engine/tenant/development-credentials";

import type { Bench, Row } from "../bench.ts";
import { claimMs } from "../lab/claiming.ts";
import { FULL, fillDatabase, NEARLY_EMPTY, type Filling } from "../lab/fill-database.ts";
import type { Lab } from "../lab/lab.ts";
import { AUTHORIZATION, startAllInOne, startApi, type Product } from "../lab/product.ts";
import { alternate, divide } from "../measure/alternate.ts";
import { quantile } from "../measure/statistics.ts";

const READS_OF_A_RUN = 100;
const PUBLISHING = { connections: 64, bodyBytes: 1024, count: 5_000 };
const PAGE = 100;

/** What a full database costs more than an empty one. */
export const backlog: Bench = {
  name: "backlog",
  summary: "10,000 tenants, 1M delayed, 1M finished and 100,000 parked messages, beside hardly any",
  async run(lab, rounds) {
    const full = await makePlace(lab, "backlog_full", FULL);
    const empty = await makePlace(lab, "backlog_empty", NEARLY_EMPTY);
    const figures = await alternate(
      rounds,
      {
        claimFull: () => claimMs(full.core),
        claimEmpty: () => claimMs(empty.core),
        publishFull: () => publishMs(lab, full.api),
        publishEmpty: () => publishMs(lab, empty.api),
        getFull: () => readMs(full.api, messagePaths(full)),
        getEmpty: () => readMs(empty.api, messagePaths(empty)),
        logsFull: () => readMs(full.api, [`/v2/logs?count=${PAGE}`]),
        logsEmpty: () => readMs(empty.api, [`/v2/logs?count=${PAGE}`]),
        deadFull: () => readMs(full.api, [`/v2/dlq?count=${PAGE}`]),
        deadEmpty: () => readMs(empty.api, [`/v2/dlq?count=${PAGE}`]),
        startFull: () => startMs(lab, full),
        startEmpty: () => startMs(lab, empty),
      },
      lab.note,
    );
    return {
      rows: [
        row("claim of 500", 1.1, figures.claimFull, figures.claimEmpty),
        row("time for a publish, 64 connections", 1.1, figures.publishFull, figures.publishEmpty),
        row("GET of a message", 1.5, figures.getFull, figures.getEmpty),
        row(`list of ${PAGE} logs`, 1.5, figures.logsFull, figures.logsEmpty),
        row(`list of ${PAGE} dead letters`, 1.5, figures.deadFull, figures.deadEmpty),
        row("start to ready", 1.1, figures.startFull, figures.startEmpty),
      ],
      samples: Object.entries(figures).map(([name, values]) => ({ name, unit: "ms", values })),
    };
  },
};

function row(what: string, atMost: number, full: readonly number[], empty: readonly number[]): Row {
  return {
    name: `${what}, full ÷ empty`,
    unit: "ratio",
    values: divide(full, empty),
    target: { atMost },
  };
}

interface Place {
  readonly databaseUrl: string;
  readonly core: EngineCore;
  readonly api: Product;
  /** Of the development tenant; they wait. */
  readonly messageIds: readonly string[];
}

async function makePlace(lab: Lab, name: string, filling: Filling): Promise<Place> {
  lab.note(`filling ${name}`);
  const databaseUrl = await lab.createDatabase(name);
  await migrate(databaseUrl);
  await fillDatabase(databaseUrl, filling);
  const core = createCore({ databaseUrl, encryptionKey: randomBytes(32), sealsContent: false });
  await core.start();
  lab.onClose(() => core.stop());
  const { rows } = await core.pool.query<{ id: string }>(
    "SELECT message_id AS id FROM deliveries WHERE tenant_id = $1 ORDER BY random() LIMIT $2",
    [DEVELOPMENT_CREDENTIALS.tenantId, READS_OF_A_RUN],
  );
  const messageIds = rows.map(({ id }) => id);
  return { databaseUrl, core, api: await startApi(lab, { databaseUrl }), messageIds };
}

function messagePaths({ messageIds }: Place): readonly string[] {
  return messageIds.map((id) => `/v2/messages/msg_${id.replaceAll("-", "")}`);
}

/** Milliseconds that a message takes, of those that are accepted side by side. */
async function publishMs(lab: Lab, api: Product): Promise<number> {
  const { accepted, elapsedMs } = await lab.load.ask("publish", {
    origin: api.origin,
    path: `/v2/publish/${lab.receiver.url}/`,
    headers: AUTHORIZATION,
    connections: PUBLISHING.connections,
    bodyBytes: PUBLISHING.bodyBytes,
    until: { count: PUBLISHING.count },
  });
  return elapsedMs / accepted;
}

/** Median milliseconds of a GET, one after the other, the paths in turn. */
async function readMs({ origin }: Product, paths: readonly string[]): Promise<number> {
  const tookMs: number[] = [];
  for (let read = 0; read < READS_OF_A_RUN; read += 1) {
    const path = paths[read % paths.length] ?? "";
    const startedMs = performance.now();
    const response = await fetch(`${origin}${path}`, { headers: AUTHORIZATION });
    await response.arrayBuffer();
    tookMs.push(performance.now() - startedMs);
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}`);
  }
  return quantile(
    tookMs.toSorted((a, b) => a - b),
    0.5,
  );
}

async function startMs(lab: Lab, { databaseUrl }: Place): Promise<number> {
  const startedMs = performance.now();
  const product = await startAllInOne(lab, { databaseUrl });
  const tookMs = performance.now() - startedMs;
  await product.end();
  return tookMs;
}
