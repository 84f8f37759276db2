import { startConnectProxy, type ConnectProxy } from "@omnistore/testkit/connect-proxy";
import { startNameServer, type NameServer } from "@omnistore/testkit/name-server";
import { freshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { rawCall } from "./raw-call.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN, createTenant, type TestTenant } from "./tenant.ts";

/** One publish causes a bounded number of requests: no way around that on a hosted service. */
const HOSTED = {
  OMNISTORE_MODE: "hosted",
  OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN,
  OMNISTORE_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
  OMNISTORE_PUBLIC_URL: "https://queue.example",
  OMNISTORE_ALLOW_NETWORKS: "127.0.0.1/32",
};

let names: NameServer;
let receiver: Receiver;
beforeAll(async () => {
  names = await startNameServer();
  // A name of the service's machine, which its operator did not tell it of, and one of a receiver.
  names.reply("alias.test", () => ["127.0.0.1"]);
  receiver = await startReceiver();
});
afterAll(async () => {
  names.close();
  await receiver.close();
});

/** Everything that a tenant's messages did, once nothing of it waits any more. */
async function afterwards(tenant: TestTenant) {
  return until(async () => {
    const response = await tenant.request("GET", "/v2/logs?count=1000");
    const { logs } = (await response.json()) as { logs: { messageId: string; state: string }[] };
    const ids = [...new Set(logs.map(({ messageId }) => messageId))];
    const isOver = (id: string) =>
      logs.some((log) => log.messageId === id && /^(DELIVERED|FAILED)$/.test(log.state));
    if (ids.length === 0 || !ids.every(isOver)) return undefined;
    const { messages } = await tenant.client.dlq.listMessages();
    return { ids, dead: messages };
  }, 30_000);
}

describe.each(["directly", "through an egress proxy"])("a delivery to our own API, %s,", (way) => {
  let node: RunningNode;
  let proxy: ConnectProxy;
  let tenant: TestTenant;
  /** Our API by a name and an address that it does not know for its own. */
  let alias: string;
  let address: string;
  beforeAll(async () => {
    proxy = await startConnectProxy();
    node = await startNode({
      ...HOSTED,
      OMNISTORE_NAME_SERVERS: names.address,
      ...(way === "directly" ? {} : { OMNISTORE_EGRESS_PROXY: `http://127.0.0.1:${proxy.port}` }),
    });
    address = node.url;
    alias = node.url.replace("127.0.0.1", "alias.test");
  });
  afterAll(async () => {
    await node.stop();
    await proxy.close();
  });
  beforeEach(async () => {
    tenant = await createTenant(node, "looping");
  });

  test.each([
    "https://queue.example/v2/publish/https://alias.test/",
    "https://QUEUE.example./v2/publish/https://alias.test/",
    "http://queue.example:8080/v2/topics",
  ])(
    "is refused by its public name, as destination, callback, endpoint or schedule: %s",
    async (url) => {
      const cron = { "Upstash-Cron": "* * * * *" };
      const open = `/v2/publish/${receiver.url}`;
      const answers = await Promise.all([
        tenant.request("POST", `/v2/publish/${url}`),
        tenant.request("POST", `/v2/enqueue/q/${url}`),
        tenant.request("POST", `/v2/schedules/${url}`, undefined, cron),
        tenant.request("POST", open, undefined, { "Upstash-Callback": url }),
        tenant.request("POST", open, undefined, { "Upstash-Failure-Callback": url }),
        tenant.request("POST", "/v2/topics/t/endpoints", { endpoints: [{ url }] }),
      ]);
      for (const answer of answers) {
        expect([answer.status, await answer.text()]).toEqual([
          400,
          expect.stringContaining("endpoint is this API itself: queue.example") as string,
        ]);
      }
      await expect(tenant.client.schedules.list()).resolves.toEqual([]);
    },
  );

  test("by a name that resolves to it, or its address, is refused where it arrives, whatever it asks for", async () => {
    const inner = [
      `${alias}/v2/publish/${receiver.url}/never`,
      `${address}/v2/publish/${receiver.url}/never`,
      `${alias}/v2/enqueue/q/${receiver.url}/never`,
      `${alias}/v2/topics`,
      `${alias}/v2/keys/rotate`,
    ];
    for (const url of inner) {
      await tenant.client.publish({
        url,
        retries: 1,
        // Of these none changes who it is: host, message id and signature are the service's own.
        headers: {
          "Upstash-Retry-Delay": "1",
          "Upstash-Forward-Host": "queue.example",
          "Upstash-Forward-Upstash-Message-Id": "msg_of_nobody",
          "Upstash-Forward-Upstash-Signature": "none",
          "Upstash-Forward-Authorization": `Bearer ${tenant.token}`,
        },
      });
    }
    const { ids, dead } = await afterwards(tenant);
    expect(ids).toHaveLength(inner.length);
    expect(dead.map(({ url }) => url).toSorted()).toEqual(inner.toSorted());
    for (const { messageId, responseStatus, responseBody } of dead) {
      expect(responseStatus).toBe(400);
      expect(responseBody).toContain(`the request is itself a delivery, of message ${messageId}`);
    }
    expect(arrived("/never")).toEqual([]);
    if (way !== "directly") expect(proxy.asked.length).toBeGreaterThanOrEqual(2 * inner.length);
  });

  test("as a callback makes no message either", async () => {
    const own = `${alias}/v2/publish/${receiver.url}/never?qstash_token=${tenant.token}`;
    await tenant.client.publish({
      url: `${receiver.url}/work`,
      retries: 0,
      callback: own,
      headers: { "Upstash-Callback-Retries": "0" },
    });
    const { ids, dead } = await afterwards(tenant);
    expect(ids).toHaveLength(2);
    expect(dead).toMatchObject([{ url: own, responseStatus: 400 }]);
    expect(arrived("/never")).toEqual([]);
  });
});

/** Paths of the requests that came, of those that begin so. */
const arrived = (prefix: string) =>
  receiver.requests.map(({ url }) => url).filter((url) => url.startsWith(prefix));

describe("one publish on a hosted service", () => {
  let node: RunningNode;
  let tenant: TestTenant;
  beforeAll(async () => {
    node = await startNode({ ...HOSTED, OMNISTORE_NAME_SERVERS: names.address });
  });
  afterAll(() => node.stop());
  beforeEach(async () => {
    tenant = await createTenant(node, "bounded");
  });

  test("follows no redirect, to itself or to others", async () => {
    receiver.reply("/round", () => ({ status: 302, headers: { location: "/round" } }));
    receiver.reply("/away", () => ({
      status: 307,
      headers: { location: `${node.url}/v2/publish/${receiver.url}/never` },
    }));
    for (const path of ["/round", "/away"]) {
      await tenant.client.publish({ url: receiver.url + path, retries: 0 });
    }
    const { ids, dead } = await afterwards(tenant);
    expect(ids).toHaveLength(2);
    expect(new Set(dead.map(({ responseStatus }) => responseStatus))).toEqual(new Set([302, 307]));
    expect(arrived("/round")).toHaveLength(1);
    expect(arrived("/away")).toHaveLength(1);
    expect(arrived("/never")).toEqual([]);
  });

  test("with callbacks and failure callbacks at every depth, all failing, ends", async () => {
    for (const name of ["0", "callback", "failure", "callback-failure"]) {
      receiver.reply(`/depth-${name}`, () => ({ status: 500 }));
    }
    await tenant.client.publish({
      url: `${receiver.url}/depth-0`,
      retries: 1,
      headers: {
        "Upstash-Retry-Delay": "1",
        "Upstash-Callback": `${receiver.url}/depth-callback`,
        "Upstash-Failure-Callback": `${receiver.url}/depth-failure`,
        "Upstash-Callback-Retries": "1",
        "Upstash-Callback-Retry-Delay": "1",
        "Upstash-Callback-Failure-Callback": `${receiver.url}/depth-callback-failure`,
        "Upstash-Failure-Callback-Retries": "1",
        "Upstash-Failure-Callback-Retry-Delay": "1",
      },
    });
    const { ids, dead } = await afterwards(tenant);
    const counts = Object.groupBy(arrived("/depth-"), (path) => path);
    // Two attempts, each with a callback; a failure callback; for each dead callback its own.
    expect(counts["/depth-0"]).toHaveLength(2);
    expect(counts["/depth-callback"]).toHaveLength(4);
    expect(counts["/depth-failure"]).toHaveLength(2);
    expect(counts["/depth-callback-failure"]?.length).toBeLessThanOrEqual(4);
    expect(ids).toHaveLength(6);
    expect(dead).toHaveLength(ids.length);
  });

  test("has callbacks of callbacks, and no deeper ones, however its publisher asks for them", async () => {
    const bottom = `${receiver.url}/deep-3`;
    await tenant.client.publish({
      url: `${receiver.url}/deep-0`,
      headers: {
        "Upstash-Callback": `${receiver.url}/deep-1`,
        "Upstash-Callback-Callback": `${receiver.url}/deep-2`,
        "Upstash-Callback-Callback-Callback": bottom,
        "Upstash-Callback-Callback-Forward-Upstash-Callback": bottom,
        "Upstash-Callback-Forward-Upstash-Callback": bottom,
      },
    });
    const { ids } = await afterwards(tenant);
    expect(arrived("/deep-")).toEqual(["/deep-0", "/deep-1", "/deep-2"]);
    expect(ids).toHaveLength(3);
  });

  test("to a topic becomes one message for each of its endpoints, of which a plan bounds the number", async () => {
    const many = Array.from({ length: 101 }, (_, n) => ({ url: `${receiver.url}/fan/${n}` }));
    const full = await tenant.request("POST", "/v2/topics/fan/endpoints", { endpoints: many });
    expect(full.status).toBeGreaterThanOrEqual(400);
    expect(full.status).toBeLessThan(500);
    expect(await full.text()).toMatch(/endpoints/);
    const some = many.slice(0, 5);
    await tenant.request("POST", "/v2/topics/fan/endpoints", { endpoints: some });
    const topics = await tenant.request("POST", "/v2/topics/nested/endpoints", {
      endpoints: [{ url: "fan" }],
    });
    expect(topics.status).toBe(400);
    const callback = await tenant.request("POST", `/v2/publish/${receiver.url}/x`, undefined, {
      "Upstash-Callback": "fan",
    });
    expect(callback.status).toBe(400);
    await tenant.client.publish({ topic: "fan", retries: 0 });
    const { ids } = await afterwards(tenant);
    expect(ids).toHaveLength(some.length);
    expect(arrived("/fan/")).toHaveLength(some.length);
  });
});

test("a request that only looks like a delivery to people, such as one without a signature, is served", async () => {
  const database = await freshDatabase();
  const node = await startNode({ ...HOSTED, OMNISTORE_NAME_SERVERS: names.address }, database);
  const { token } = await createTenant(node, "webhook");
  const { status } = await rawCall(node.url, "GET /v2/topics", {
    headers: { authorization: `Bearer ${token}`, "upstash-message-id": `msg_${"0".repeat(32)}` },
  });
  expect(status).toBe(200);
  await node.stop();
  await database.drop();
});
