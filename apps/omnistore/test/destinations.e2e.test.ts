import { HOSTILE_DESTINATIONS } from "@omnistore/testkit/hostile-destinations";
import { startNameServer, type NameServer } from "@omnistore/testkit/name-server";
import { freshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN, createTenant, type TestTenant } from "./tenant.ts";

const HOSTED = {
  OMNISTORE_MODE: "hosted",
  OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN,
  OMNISTORE_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
};

let names: NameServer;
beforeAll(async () => {
  names = await startNameServer();
  // Nobody can tell where it is, so nothing is refused for it and nothing is sent to it.
  names.reply("public.example", () => "broken");
});
afterAll(() => names.close());

describe("a hosted service, asked to deliver to a hostile destination,", () => {
  let node: RunningNode;
  let tenant: TestTenant;
  beforeAll(async () => {
    node = await startNode({
      ...HOSTED,
      OMNISTORE_NAME_SERVERS: names.address,
      OMNISTORE_PUBLIC_URL: "https://queue.example",
    });
    tenant = await createTenant(node, "curious");
  });
  afterAll(() => node.stop());

  async function refusal(method: string, path: string, body: unknown, headers = {}) {
    const response = await tenant.request(method, path, body, headers);
    const answer: unknown = await response.json();
    return { status: response.status, text: JSON.stringify(answer) };
  }

  test.each(HOSTILE_DESTINATIONS)("refuses %j", async ({ url, says }) => {
    // As a client sends it that escapes the destination, so that all of it arrives as it is.
    const text = JSON.stringify(url.isWellFormed() ? says : "blank").slice(1, -1);
    if (url.isWellFormed()) {
      const path = `/v2/publish/${encodeURIComponent(url)}`;
      const published = await refusal("POST", path, undefined);
      expect(published.status).toBe(400);
      if (/^https?:\/\//.test(url)) expect(published.text).toContain(text);
    }
    const batched = await refusal("POST", "/v2/batch", [{ destination: url }]);
    expect(batched).toMatchObject({ status: 400, text: expect.stringContaining(text) as string });
  });

  test("as a callback, a failure callback, an endpoint or by a schedule refuses it as well", async () => {
    const hostile = "http://169.254.169.254/latest";
    const publish = `/v2/publish/https://public.example/`;
    for (const header of [
      "Upstash-Callback",
      "Upstash-Failure-Callback",
      "Upstash-Callback-Failure-Callback",
    ]) {
      const headers = { "Upstash-Callback": "https://public.example/", [header]: hostile };
      await expect(refusal("POST", publish, {}, headers)).resolves.toMatchObject({
        status: 400,
        text: expect.stringContaining(`${header} \\"${hostile}\\"`) as string,
      });
    }
    const others = [
      refusal("POST", "/v2/topics/t/endpoints", { endpoints: [{ url: hostile }] }),
      refusal("POST", `/v2/schedules/${hostile}`, {}, { "Upstash-Cron": "* * * * *" }),
      refusal("POST", `/v2/enqueue/q/${hostile}`, {}),
      refusal("POST", `${publish}?upstash-callback=${encodeURIComponent(hostile)}`, {}),
    ];
    for (const answer of await Promise.all(others)) {
      expect(answer).toMatchObject({
        status: 400,
        text: expect.stringContaining("private address: 169.254.169.254") as string,
      });
    }
  });

  test("refuses a delivery that reached it under a name it does not know", async () => {
    const database = await freshDatabase();
    const looping = await startNode(
      {
        ...HOSTED,
        OMNISTORE_ALLOW_NETWORKS: "127.0.0.1/32",
        OMNISTORE_NAME_SERVERS: names.address,
      },
      database,
    );
    const { client, token } = await createTenant(looping, "looping");
    const inner = `${looping.url}/v2/publish/https://public.example/?qstash_token=${token}`;
    const { messageId } = await client.publish({ url: inner, retries: 0 });
    const dead = await until(async () => {
      const { messages } = await client.dlq.listMessages({ filter: { messageId } });
      return messages[0];
    });
    expect(dead).toMatchObject({
      responseStatus: 400,
      responseBody: expect.stringContaining(`delivery, of message ${messageId}`) as string,
    });
    const { events } = await client.events();
    expect(new Set(events.map((event) => event.messageId))).toEqual(new Set([messageId]));
    await looping.stop();
    await database.drop();
  });

  test("refuses its own address, which it knows by OMNISTORE_PUBLIC_URL", async () => {
    const path = "/v2/publish/https://queue.example/v2/publish/https://public.example";
    await expect(refusal("POST", path, {})).resolves.toMatchObject({
      status: 400,
      text: expect.stringContaining("endpoint is this API itself: queue.example") as string,
    });
  });
});

describe("00 §3 a hosted service refuses a name that leads nowhere", () => {
  let node: RunningNode;
  let tenant: TestTenant;
  let receiver: Receiver;
  beforeAll(async () => {
    names.reply("empty.test", () => []);
    names.reply("loopback.test", () => ["127.0.0.2"]);
    names.reply("inside.test", () => ["10.0.0.1"]);
    names.reply("open.test", () => ["127.0.0.1"]);
    receiver = await startReceiver();
    node = await startNode({
      ...HOSTED,
      OMNISTORE_ALLOW_NETWORKS: "127.0.0.1/32",
      OMNISTORE_NAME_SERVERS: names.address,
    });
    tenant = await createTenant(node, "typist");
  });
  afterAll(async () => {
    await node.stop();
    await receiver.close();
  });

  const CASES = [
    ["missing.test", "invalid destination url: unable to resolve host: missing.test"],
    ["empty.test", "invalid destination url: unable to resolve host: empty.test"],
    [
      "loopback.test",
      "invalid destination url: endpoint resolves to a loopback address: 127.0.0.2",
    ],
    ["inside.test", "invalid destination url: endpoint resolves to a private address: 10.0.0.1"],
  ] as const;

  async function send(method: string, path: string, body?: unknown, headers = {}) {
    const response = await tenant.request(method, path, body, headers);
    return { status: response.status, answer: (await response.json()) as { error?: string } };
  }

  test.each(CASES)("as a destination: %s", async (host, error) => {
    const url = `https://${host}/hook`;
    const cron = { "Upstash-Cron": "* * * * *" };
    const answers = await Promise.all([
      send("POST", `/v2/publish/${url}`),
      send("POST", `/v2/enqueue/q/${url}`),
      send("POST", `/v2/schedules/${url}`, {}, cron),
      send("POST", `/v2/publish/${url}`, {}, cron),
    ]);
    for (const answer of answers) expect(answer).toEqual({ status: 400, answer: { error } });
    await expect(tenant.client.queue({ queueName: "q" }).get()).rejects.toThrow("not found");
    await expect(tenant.client.schedules.list()).resolves.toEqual([]);
  });

  test.each(CASES)("as a callback or an endpoint, which it names: %s", async (host, error) => {
    const url = `https://${host}/hook`;
    for (const header of [
      "Upstash-Callback",
      "Upstash-Failure-Callback",
      "Upstash-Callback-Failure-Callback",
    ]) {
      const headers = { "Upstash-Callback": "http://open.test/", [header]: url };
      const cron = { ...headers, "Upstash-Cron": "* * * * *" };
      for (const [path, given] of [
        ["/v2/publish/http://open.test/", headers],
        ["/v2/schedules/http://open.test/", cron],
        ["/v2/dlq/retry", headers],
      ] as const) {
        await expect(send("POST", path, undefined, given)).resolves.toEqual({
          status: 400,
          answer: { error: `${header} "${url}" cannot be called: ${error}` },
        });
      }
    }
    const endpoints = [{ url: "http://open.test/" }, { url }];
    await expect(send("POST", "/v2/topics/t/endpoints", { endpoints })).resolves.toEqual({
      status: 400,
      answer: { error: `endpoints[1].url "${url}" cannot be called: ${error}` },
    });
    await expect(tenant.client.urlGroups.list()).resolves.toEqual([]);
  });

  test("in a batch for that item alone", async () => {
    const items = [
      "http://open.test/",
      "https://missing.test/",
      "https://inside.test/",
      "https://public.example/",
    ].map((destination) => ({ destination, headers: { "upstash-delay": "1h" } }));
    await expect(send("POST", "/v2/batch", items)).resolves.toEqual({
      status: 200,
      answer: [
        { messageId: expect.any(String) as string },
        { error: CASES[0][1] },
        { error: CASES[3][1] },
        { messageId: expect.any(String) as string },
      ],
    });
  });

  test("and delivers to one that leads to an open address", async () => {
    const { port } = new URL(receiver.url);
    await tenant.client.publish({ url: `http://open.test:${port}/named` });
    const [named] = await receiver.waitFor(({ url }) => url === "/named");
    expect(named?.headers.host).toBe(`open.test:${port}`);
  });
});

describe("a network that the operator opens", () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  test("is delivered to while it is open, and not by an attempt after it was closed", async () => {
    const database = await freshDatabase();
    const open = await startNode({ ...HOSTED, OMNISTORE_ALLOW_NETWORKS: "127.0.0.1/32" }, database);
    const tenant = await createTenant(open, "neighbour");
    await tenant.client.publish({ url: `${receiver.url}/open` });
    await receiver.waitFor(({ url }) => url === "/open");
    const late = await tenant.client.publish({ url: `${receiver.url}/late`, delay: 2, retries: 0 });
    await open.stop();

    const closed = await startNode(HOSTED, database);
    const client = (path: string) =>
      fetch(`${closed.url}${path}`, { headers: { authorization: `Bearer ${tenant.token}` } });
    const entry = await until(async () => {
      const answer = await client(`/v2/dlq?messageId=${late.messageId}`);
      const { messages } = (await answer.json()) as { messages: unknown[] };
      return messages[0];
    });
    expect(entry).toMatchObject({ messageId: late.messageId });
    const log = await client(`/v2/events?messageId=${late.messageId}&state=ERROR`);
    await expect(log.json()).resolves.toMatchObject({
      events: [{ error: expect.stringContaining("loopback address: 127.0.0.1") as string }],
    });
    expect(receiver.requests.map(({ url }) => url)).toEqual(["/open"]);
    await closed.stop();
    await database.drop();
  });
});
