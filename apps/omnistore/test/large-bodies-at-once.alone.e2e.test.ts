import { createServer, type Server } from "node:http";

import { portOf } from "@omnistore/testkit/port-of";
import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, expect, test } from "vitest";

import { ask } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN, createTenant, type TestTenant } from "./tenant.ts";

const MIB = 1024 * 1024;
const BODY = Buffer.alloc(8 * MIB, "x");
const TENANTS = 4;
const MESSAGES = 8;
/** The 128 MiB of large bodies that a dispatcher may hold, and one more. */
const MOST_AT_ONCE = (128 * MIB) / BODY.length + 1;
/** Long enough that without a bound all would be under way together. */
const ANSWER_MS = 3_000;

let node: RunningNode;
let server: Server;
const seen = { now: 0, most: 0, ids: [] as string[] };

beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  server = createServer((request, response) => {
    seen.now += 1;
    seen.most = Math.max(seen.most, seen.now);
    seen.ids.push(String(request.headers["upstash-message-id"]));
    request.resume();
    setTimeout(() => {
      seen.now -= 1;
      response.end();
    }, ANSWER_MS);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await node.stop();
});

const resume = ({ token }: TestTenant) =>
  ask(node.url, "POST", "/v2/queues/wide/resume", { token });

test("large bodies of many tenants, queued or not, are under way only as far as there is memory for them, and all arrive", async () => {
  const to = `http://127.0.0.1:${portOf(server)}/`;
  const ids: string[] = [];
  const tenants = await Promise.all(
    Array.from({ length: TENANTS }, (_, index) => createTenant(node, `large ${index}`)),
  );
  for (const [index, { token }] of tenants.entries()) {
    // Only one tenant's go without a queue: these are open wide, and are opened together.
    const call = (path: string, body?: object) =>
      ask(node.url, "POST", path, { token, ...(body === undefined ? {} : { body }) });
    await call("/v2/queues", { queueName: "wide", parallelism: 100 });
    await call("/v2/queues/wide/pause");
    for (let n = 0; n < MESSAGES; n += 1) {
      const path = index === 0 ? `publish/${to}` : `enqueue/wide/${to}`;
      const response = await fetch(`${node.url}/v2/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "upstash-timeout": "60s" },
        body: BODY,
      });
      ids.push(((await response.json()) as { messageId: string }).messageId);
    }
  }
  await Promise.all(tenants.map(resume));
  await until(async () => seen.ids.length >= ids.length, 60_000);
  expect(seen.ids.toSorted()).toEqual(ids.toSorted());
  expect(seen.most).toBeGreaterThan(TENANTS);
  expect(seen.most).toBeLessThanOrEqual(MOST_AT_ONCE);
}, 120_000);
