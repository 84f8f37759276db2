import { createServer, type Server } from "node:http";

import { createDispatcher } from "@omnistore/dispatcher/service";
import { createCore } from "@omnistore/engine/core";
import { loadConfig } from "@omnistore/runtime/config";
import { createLogger } from "@omnistore/runtime/logger";
import { composeServices } from "@omnistore/runtime/service";
import { portOf } from "@omnistore/testkit/port-of";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { ask, asOperator } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN } from "./tenant.ts";

/** A dispatcher knows of another one after a quarter of this. */
const LEASE = { OMNISTORE_LEASE_SECONDS: "2" };
const HOLD_MS = 60;

let node: RunningNode;
let receiver: Server;
let url: string;
/** Requests that are being answered, the most of them at one time, and all so far. */
let active = 0;
let most = 0;
let answered = 0;

beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN, ...LEASE });
  receiver = createServer((request, response) => {
    active += 1;
    most = Math.max(most, active);
    request.resume();
    setTimeout(() => {
      active -= 1;
      answered += 1;
      response.writeHead(request.url === "/again" ? 500 : 200).end();
    }, HOLD_MS);
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${portOf(receiver)}`;
});
afterAll(async () => {
  await node.stop();
  receiver.close();
});
beforeEach(() => {
  most = 0;
  answered = 0;
});

async function tenantWith(globalParallelism: number) {
  const { body } = await asOperator(node, "POST", "/tenants", { name: "wide", plan: "fixed-1m" });
  const { id, token } = body as { id: string; token: string };
  const setLimit = (limit: number) =>
    asOperator(node, "PUT", `/tenants/${id}/plan`, { limits: { globalParallelism: limit } });
  expect((await setLimit(globalParallelism)).status).toBe(200);
  const post = async (path: string) => {
    expect((await ask(node.url, "POST", path, { token, body: {} })).status).toBe(200);
  };
  return { id, token, setLimit, post };
}

/** So many of each kind: to a URL, through a queue, by a flow-control key, and one retry of each fourth. */
function publishMixed(post: (path: string) => Promise<void>, times: number) {
  const kinds = [
    "publish/U?upstash-retries=0",
    "enqueue/q/U?upstash-retries=0",
    "publish/U?upstash-retries=0&upstash-flow-control-key=k&upstash-flow-control-value=parallelism%3D50",
    "publish/U/again?upstash-retries=1&upstash-retry-delay=1",
  ];
  return Promise.all(
    Array.from({ length: times }, () =>
      Promise.all(kinds.map((kind) => post(`/v2/${kind.replace("U", url)}`))),
    ),
  );
}

test("02 §7 a tenant has as many messages under way as its plan allows, however they came", async () => {
  const { token, post } = await tenantWith(6);
  const queue = { queueName: "q", parallelism: 20 };
  expect((await ask(node.url, "POST", "/v2/queues", { token, body: queue })).status).toBe(200);
  await publishMixed(post, 15);
  const told = await ask(node.url, "GET", "/v2/globalParallelism", { token });
  expect(told.body).toMatchObject({ parallelismMax: 6 });
  expect(told.body.parallelismCount).toBeLessThanOrEqual(6);
  await until(() => Promise.resolve(answered === 75), 20_000);
  expect(most).toBe(6);
});

test("06 §1 a larger limit is heard by the dispatcher within a second or so", async () => {
  const { post, setLimit } = await tenantWith(2);
  await Promise.all(
    Array.from({ length: 400 }, () => post(`/v2/publish/${url}?upstash-retries=0`)),
  );
  await until(() => Promise.resolve(answered >= 10));
  expect(most).toBe(2);
  await setLimit(20);
  await until(() => Promise.resolve(most === 20), 3_000);
  await until(() => Promise.resolve(answered === 400), 20_000);
  expect(most).toBe(20);
});

test("06 §1 two dispatchers together have no more of a tenant under way than its plan allows", async () => {
  const config = loadConfig({ PORT: "0", HOST: "127.0.0.1", ...LEASE });
  const core = createCore({
    databaseUrl: node.databaseUrl,
    encryptionKey: config.encryptionKey,
    sealsContent: config.sealsContent,
  });
  const logger = createLogger({ level: "error", name: "second dispatcher" });
  const second = composeServices("second", [core, createDispatcher(config, core, logger)]);
  await second.start();
  try {
    await until(bothHaveSeenEachOther);
    const { post } = await tenantWith(7);
    await Promise.all(
      Array.from({ length: 120 }, () => post(`/v2/publish/${url}?upstash-retries=0`)),
    );
    await until(() => Promise.resolve(answered === 120), 20_000);
    expect(most).toBe(7);
  } finally {
    await second.stop();
  }
});

/** Each has sent a heartbeat since the other one came. */
async function bothHaveSeenEachOther(): Promise<boolean> {
  const database = new pg.Client({ connectionString: node.databaseUrl });
  await database.connect();
  const { rows } = await database.query<{ seen: boolean }>(
    `SELECT count(*) = 2 AND min(heartbeat_at) > to_timestamp(
       max(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint) / 1000.0) AS seen
     FROM dispatchers`,
  );
  await database.end();
  return rows[0]?.seen ?? false;
}
