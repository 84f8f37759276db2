import { officialClient } from "@omnistore/testkit/official-client";
import { startReceiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import { QstashDailyRatelimitError, QstashRatelimitError } from "@upstash/qstash";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

import { ask, asOperator, type Answer } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { startSecondApi } from "./second-api.ts";
import { ADMIN_TOKEN } from "./tenant.ts";

let node: RunningNode;
let second: Awaited<ReturnType<typeof startSecondApi>>;
beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  second = await startSecondApi(node);
});
afterAll(async () => {
  await second.stop();
  await node.stop();
});

/** A tenant of the free plan, with limits of its own where a test needs smaller ones. */
async function tenantWith(limits: Readonly<Record<string, number | null>>): Promise<string> {
  const { body } = await asOperator(node, "POST", "/tenants", { name: "limited", plan: "free" });
  await asOperator(node, "PUT", `/tenants/${body.id}/plan`, { limits });
  return body.token as string;
}

const FAR = "/v2/publish/http://127.0.0.1:9/?upstash-delay=1h";
const publish = (token: string, url = node.url, path = FAR) =>
  ask(url, "POST", path, { token, body: {} });

function expectRefusal(answer: Answer, status: number, limit: string): void {
  expect(answer.body).toEqual({ error: expect.stringContaining(limit) as string });
  expect(answer.body.error).toContain('plan "free"');
  expect(answer.status).toBe(status);
}

test("06 §3 a day's messages are never more than the limit over two apis, and exactly as many in the end", async () => {
  const limit = 240;
  const token = await tenantWith({ messagesPerDay: limit });
  let accepted = 0;
  const answers = await Promise.all(
    Array.from({ length: 400 }, (_, index) =>
      publish(token, index % 2 === 0 ? node.url : second.url),
    ),
  );
  for (const { status } of answers) {
    expect([200, 429]).toContain(status);
    if (status === 200) accepted += 1;
  }
  expect(accepted).toBeLessThanOrEqual(limit);
  // What one process leaves unused, the other can spend.
  await until(async () => {
    if ((await publish(token)).status === 200) accepted += 1;
    return accepted === limit;
  });
  const refused = await publish(token, second.url);
  expectRefusal(refused, 429, "messages a day");
  expect(refused.headers.get("ratelimit-limit")).toBe(String(limit));
  expect(refused.headers.get("ratelimit-remaining")).toBe("0");
  const reset = Number(refused.headers.get("ratelimit-reset"));
  expect(reset * 1_000).toBeGreaterThan(Date.now());
  expect(reset % 86_400).toBe(0);
  expect(refused.headers.get("burst-ratelimit-limit")).toBeNull();
  await expect(
    officialClient(node.url, token).publish({ url: "https://example.com/" }),
  ).rejects.toBeInstanceOf(QstashDailyRatelimitError);
});

test("06 §3 a duplicate does not count, and a batch is refused item by item", async () => {
  const token = await tenantWith({ messagesPerDay: 3 });
  const once = `${FAR}&upstash-deduplication-id=once`;
  for (const status of [200, 202, 202, 202, 202]) {
    expect((await publish(token, node.url, once)).status).toBe(status);
  }
  const items = Array.from({ length: 4 }, () => ({
    destination: "https://example.com/",
    headers: { "Upstash-Delay": "1h" },
  }));
  const batch = () => ask(node.url, "POST", "/v2/batch", { token, body: items });
  const first = await batch();
  expect(first.status).toBe(200);
  expect(first.body.filter(({ messageId }: { messageId?: string }) => messageId)).toHaveLength(2);
  expect(first.body[3].error).toContain("messages a day");
  expectRefusal(await batch(), 429, "messages a day");
});

test("06 §3 a callback counts and is never refused; the retry of a dead letter counts and is", async () => {
  const receiver = await startReceiver();
  receiver.reply("/dead", () => ({ status: 500 }));
  const token = await tenantWith({ messagesPerDay: 6 });
  const to = (path: string, query = "") =>
    publish(token, node.url, `/v2/publish/${receiver.url}${path}?upstash-retries=0&${query}`);
  const calling = `upstash-callback=${receiver.url}/callback&upstash-callback-retries=0`;
  for (let index = 0; index < 2; index += 1) expect((await to("/a", calling)).status).toBe(200);
  const failing = `upstash-failure-callback=${receiver.url}/failed`;
  expect((await to("/dead", `${failing}&upstash-failure-callback-retries=0`)).status).toBe(200);
  await receiver.waitFor(6);
  await until(async () => (await messagesToday(token)) === 6);
  expectRefusal(await to("/b"), 429, "messages a day");
  const letters = await ask(node.url, "GET", "/v2/dlq", { token });
  const { dlqId } = letters.body.messages[0] as { dlqId: string };
  expectRefusal(
    await ask(node.url, "POST", `/v2/dlq/retry/${dlqId}`, { token }),
    429,
    "messages a day",
  );
  expect((await ask(node.url, "GET", `/v2/dlq/${dlqId}`, { token })).status).toBe(200);
  expect(receiver.requests).toHaveLength(6);
  await receiver.close();
});

test("06 §1 the bandwidth of a month counts what comes in and what is sent; then publishes and ticks wait", async () => {
  const receiver = await startReceiver();
  const token = await tenantWith({ bandwidthBytesPerMonth: 2_000 });
  const send = (text: string) =>
    ask(node.url, "POST", `/v2/publish/${receiver.url}/?upstash-retries=0`, { token, body: text });
  const schedule = `/v2/schedules/${receiver.url}/?upstash-cron=*%20*%20*%20*%20*&upstash-schedule-id=s&upstash-retries=0`;
  expect((await publish(token, node.url, schedule)).status).toBe(200);
  expect((await send("x".repeat(998))).status).toBe(200);
  const [first] = await receiver.waitFor(1);
  expect(first?.body).toHaveLength(1_000);
  const refused = await until(async () => {
    const answer = await send("");
    return answer.status === 200 ? null : answer;
  });
  expectRefusal(refused, 429, "bytes of bandwidth a month");
  expect(refused.headers.get("ratelimit-limit")).toBe("2000");
  expect(refused.headers.get("ratelimit-remaining")).toBe("0");
  const reset = new Date(Number(refused.headers.get("ratelimit-reset")) * 1_000);
  expect(reset.toISOString()).toMatch(/-01T00:00:00\.000Z$/);
  expectRefusal(await publish(token, second.url), 429, "bytes of bandwidth a month");
  await dueNow(token);
  const told = await until(async () => {
    const { body } = await ask(node.url, "GET", "/v2/schedules/s", { token });
    return (body as { error?: string }).error;
  });
  expect(told).toContain("bytes of bandwidth a month");
  await receiver.close();
});

async function dueNow(token: string): Promise<void> {
  await queryAs(token, "UPDATE schedules SET next_run_at = now() WHERE tenant_id = $1");
}

/** What is counted against the day of the tenant whose token this is. */
async function messagesToday(token: string): Promise<number> {
  const text = "SELECT leased::int FROM budgets WHERE tenant_id = $1 AND kind = 1";
  const [row] = await queryAs(token, text);
  return Number(row?.["leased"] ?? 0);
}

/** Asks the database about the tenant whose token this is, `$1`. */
async function queryAs(token: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const { UserID } = JSON.parse(Buffer.from(token, "base64").toString()) as { UserID: string };
  const database = new pg.Client({ connectionString: node.databaseUrl });
  await database.connect();
  const { rows } = await database.query<Record<string, unknown>>(text, [UserID]);
  await database.end();
  return rows;
}

test("00 §4 requests of a second are limited over both apis, publishes are not", async () => {
  const token = await tenantWith({ requestsPerSecond: 20, messagesPerDay: null });
  const ownUrl = (index: number) => (index % 2 === 0 ? node.url : second.url);
  const answers = await Promise.all(
    Array.from({ length: 120 }, (_, index) => ask(ownUrl(index), "GET", "/v2/queues", { token })),
  );
  const served = answers.filter(({ status }) => status === 200).length;
  const refused = answers.find(({ status }) => status === 429);
  // The requests may fall into two seconds.
  expect(served).toBeGreaterThanOrEqual(10);
  expect(served).toBeLessThanOrEqual(40);
  if (refused === undefined) throw new Error("nothing was refused");
  expectRefusal(refused, 429, "requests a second");
  expect(refused.headers.get("burst-ratelimit-limit")).toBe("20");
  expect(Number(refused.headers.get("burst-ratelimit-reset"))).toBeGreaterThan(1_000_000_000);
  expect(refused.headers.get("ratelimit-limit")).toBeNull();
  const published = await Promise.all(
    Array.from({ length: 60 }, (_, index) => publish(token, ownUrl(index))),
  );
  expect(published.every(({ status }) => status === 200)).toBe(true);
  await until(async () => (await ask(node.url, "GET", "/v1/limits", { token })).status === 200);
  const client = officialClient(node.url, token);
  const looks = Array.from({ length: 60 }, () => client.queue({ queueName: "q" }).get());
  const reasons = (await Promise.allSettled(looks)).flatMap((look) =>
    look.status === "rejected" ? [look.reason as unknown] : [],
  );
  expect(reasons.some((reason) => reason instanceof QstashRatelimitError)).toBe(true);
});

test("06 §4 delay, retries, time-out and body over the plan are refused, naming limit and plan", async () => {
  const token = await tenantWith({ retries: 2 });
  const send = (query: string) =>
    publish(token, node.url, `/v2/publish/http://127.0.0.1:9/?upstash-retries=1&${query}`);
  expectRefusal(await send("upstash-delay=8d"), 412, 'Upstash-Delay "8d"');
  expectRefusal(await send("upstash-timeout=1h"), 412, 'Upstash-Timeout "1h"');
  const retries = await publish(token, node.url, `${FAR}&upstash-retries=3`);
  expectRefusal(retries, 412, 'Upstash-Retries "3"');
  const schedule = `/v2/schedules/http://127.0.0.1:9/?upstash-cron=0%200%20*%20*%20*&upstash-retries=3`;
  expectRefusal(await publish(token, node.url, schedule), 412, 'Upstash-Retries "3"');
  const callback = `upstash-callback=http://127.0.0.1:9/&upstash-callback-retries=9`;
  expectRefusal(await send(callback), 412, 'Upstash-Callback-Retries "9"');
  const again = (settings: string) =>
    ask(node.url, "POST", `/v2/dlq/retry?dlqIds=none&${settings}`, { token });
  expectRefusal(await again("upstash-delay=8d"), 412, 'Upstash-Delay "8d"');
  expectRefusal(await again("upstash-timeout=1h"), 412, 'Upstash-Timeout "1h"');
  const large = await ask(node.url, "POST", `${FAR}&upstash-retries=1`, {
    token,
    body: "x".repeat(1024 * 1024),
  });
  expectRefusal(large, 413, "bytes");
  const item = { destination: "https://example.com/", body: "x".repeat(1024 * 1024 + 1) };
  const batch = await ask(node.url, "POST", "/v2/batch", { token, body: [item] });
  expect(batch.body.error).toContain("bytes");
});

const endpoints = (...names: string[]) => ({
  endpoints: names.map((name) => ({ url: `http://127.0.0.1:9/${name}` })),
});

test("06 §4 schedules, topics, endpoints, queues, parallelism and batch items have their limits", async () => {
  const token = await tenantWith({
    schedules: 2,
    topics: 1,
    endpointsPerTopic: 2,
    queues: 2,
    batchItems: 2,
  });
  const post = (path: string, body: unknown = {}) => ask(node.url, "POST", path, { token, body });
  const schedule = (id: string) =>
    post(
      `/v2/schedules/http://127.0.0.1:9/?upstash-cron=0%200%20*%20*%20*&upstash-schedule-id=${id}&upstash-retries=1`,
    );
  const three = await Promise.all(["a", "b", "c"].map(schedule));
  expect(three.filter(({ status }) => status === 200)).toHaveLength(2);
  for (const answer of three.filter(({ status }) => status === 412)) {
    expectRefusal(answer, 412, "schedules");
  }
  const kept = three.findIndex(({ status }) => status === 200);
  expect((await schedule("abc".charAt(kept))).status).toBe(200);

  expect((await post("/v2/topics/t/endpoints", endpoints("a", "b"))).status).toBe(200);
  expectRefusal(await post("/v2/topics/t/endpoints", endpoints("c")), 412, "endpoints for a topic");
  expectRefusal(await post("/v2/topics/u/endpoints", endpoints("a")), 412, "topics");

  expect((await post("/v2/queues", { queueName: "a" })).status).toBe(200);
  expect((await post("/v2/enqueue/b/http://127.0.0.1:9/?upstash-retries=1")).status).toBe(200);
  expectRefusal(await post("/v2/queues", { queueName: "c" }), 412, "queues");
  expectRefusal(await post("/v2/enqueue/c/http://127.0.0.1:9/?upstash-retries=1"), 412, "queues");
  expect((await post("/v2/queues", { queueName: "a", parallelism: 2 })).status).toBe(200);
  const wide = await post("/v2/queues", { queueName: "a", parallelism: 3 });
  expectRefusal(wide, 412, "messages of a queue at one time");

  const item = { destination: "https://example.com/" };
  expectRefusal(await post("/v2/batch", [item, item, item]), 413, "messages for a batch");
});

const QUEUE_MAKERS: Record<string, (name: string) => readonly [string, unknown]> = {
  upsert: (name: string) => ["/v2/queues", { queueName: name }],
  enqueue: (name: string) => [`/v2/enqueue/${name}/http://127.0.0.1:9/?upstash-delay=1h`, {}],
  schedule: (name: string) => [
    `/v2/schedules/http://127.0.0.1:9/?upstash-cron=0%200%201%201%20*&upstash-queue-name=${name}`,
    {},
  ],
  batch: (name: string) => [
    "/v2/batch",
    [0, 1, 2].map((index) => ({
      destination: "http://127.0.0.1:9/",
      queue: `${name}-${index}`,
      headers: { "Upstash-Delay": "1h" },
    })),
  ],
};

test.each(Object.entries(QUEUE_MAKERS))(
  "06 §4 the limit of queues holds for all that arrive at once at both apis: %s",
  async (_name, requestFor) => {
    const token = await tenantWith({ queues: 3, schedules: 100 });
    await Promise.all(
      Array.from({ length: 12 }, (_, index) => {
        const [path, body] = requestFor(`q${index}`);
        return ask((index % 2 === 0 ? node : second).url, "POST", path, { token, body });
      }),
    );
    expect((await ask(node.url, "GET", "/v2/queues", { token })).body).toHaveLength(3);
  },
);

test("06 §4 what is refused for another reason makes no queue", async () => {
  const token = await tenantWith({ queues: 3, schedules: 1, messageBytes: 10 });
  const post = (path: string, body: unknown = {}) => ask(node.url, "POST", path, { token, body });
  const cron = "upstash-cron=0%200%201%201%20*";
  expect((await post(`/v2/schedules/http://127.0.0.1:9/?${cron}`)).status).toBe(200);
  const refused = [
    await post(`/v2/schedules/http://127.0.0.1:9/?${cron}&upstash-queue-name=a`),
    await post("/v2/enqueue/b/http://127.0.0.1:9/", { more: "than ten bytes" }),
    await post("/v2/enqueue/c/http://127.0.0.1:9/?upstash-retries=many"),
    await post("/v2/batch", [{ destination: "ftp://a/", queue: "d" }]),
  ];
  expect(refused.map(({ status }) => status)).toEqual([412, 413, 400, 400]);
  expect((await ask(node.url, "GET", "/v2/queues", { token })).body).toEqual([]);
});
