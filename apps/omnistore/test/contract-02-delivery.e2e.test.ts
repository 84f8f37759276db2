import { createHash } from "node:crypto";

import type { ReceivedRequest } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import { Receiver } from "@upstash/qstash";
import { afterEach, describe, expect, test, vi } from "vitest";

import { world } from "./world.ts";

const there = world({ OMNISTORE_REGION: "US-EAST-1" });

afterEach(() => vi.unstubAllEnvs());

/** The claims of a delivery's signature, unproven. */
function claimsOf({ headers }: ReceivedRequest): Record<string, unknown> {
  const [, payload = ""] = String(headers["upstash-signature"]).split(".");
  return JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
}

/** Answers nothing; tells what is under way, in order. */
function holdAll(): readonly ReceivedRequest[] {
  const held: ReceivedRequest[] = [];
  there.receiver.reply((request) => {
    held.push(request);
    return "hang";
  });
  return held;
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const sha256 = (text: string) => createHash("sha256").update(text).digest("base64url");
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();
const pathOf = ({ url }: ReceivedRequest) => url;

async function arrivalAt(path: string): Promise<ReceivedRequest> {
  const [request] = await there.receiver.waitFor(({ url }) => url === path);
  if (request === undefined) throw new Error(`nothing arrived at ${path}`);
  return request;
}

describe("02 §1 what the receiver sees", () => {
  test("a bare message has these headers and no others", async () => {
    await there.call(`POST /v2/publish/${there.receiver.url}/bare`);
    const { headers } = await arrivalAt("/bare");
    const ofHttp = new Set(["connection", "content-length", "host"]);
    const names = Object.keys(headers).filter((name) => !ofHttp.has(name));
    expect(names.toSorted()).toEqual([
      "upstash-caller-ip",
      "upstash-message-id",
      "upstash-region",
      "upstash-retried",
      "upstash-signature",
      "user-agent",
    ]);
  });

  test("system headers win over forwarded ones of the same name", async () => {
    const names = ["User-Agent", "Upstash-Signature", "Upstash-Message-Id", "Upstash-Retried"];
    const more = ["Upstash-Caller-Ip", "Upstash-Region"];
    const forwarded = [...names, ...more].map((name) => [`Upstash-Forward-${name}`, "theirs"]);
    await there.call(`POST /v2/publish/${there.receiver.url}/system`, {
      headers: Object.fromEntries(forwarded) as Record<string, string>,
    });
    const { headers, rawHeaders } = await arrivalAt("/system");
    expect(Object.values(headers)).not.toContain("theirs");
    const lower = rawHeaders
      .filter((_, index) => index % 2 === 0)
      .map((name) => name.toLowerCase());
    expect(new Set(lower).size).toBe(lower.length);
  });

  test("headers of one connection are dropped from the forwarded ones", async () => {
    const names = ["Host", "Content-Length", "Connection", "Keep-Alive", "Transfer-Encoding", "TE"];
    const more = [
      "Trailer",
      "Upgrade",
      "Proxy-Authorization",
      "Proxy-X",
      "Expect",
      "Accept-Encoding",
    ];
    const forwarded = [...names, ...more].map((name) => [`Upstash-Forward-${name}`, "1"]);
    await there.call(`POST /v2/publish/${there.receiver.url}/hygiene`, {
      headers: Object.fromEntries(forwarded) as Record<string, string>,
      body: "body",
    });
    const { headers, body } = await arrivalAt("/hygiene");
    expect(String(body)).toBe("body");
    expect(headers.host).toBe(new URL(there.receiver.url).host);
    for (const name of [...names.slice(3), ...more]) {
      expect(headers, name).not.toHaveProperty(name.toLowerCase());
    }
  });

  test("only Upstash-Forward-Authorization reaches the receiver, never the caller's own", async () => {
    const publish = `POST /v2/publish/${there.receiver.url}`;
    await there.call(`${publish}/without`);
    await there.call(`${publish}/with`, {
      headers: { "Upstash-Forward-Authorization": "Bearer x" },
    });
    expect((await arrivalAt("/without")).headers).not.toHaveProperty("authorization");
    expect((await arrivalAt("/with")).headers.authorization).toBe("Bearer x");
  });

  test("topic, schedule and label are told when there are any", async () => {
    const endpoints = [{ url: `${there.receiver.url}/named` }];
    await there.client.urlGroups.addEndpoints({ name: "group", endpoints });
    await there.client.publish({ urlGroup: "group", label: "red" });
    expect((await arrivalAt("/named")).headers).toMatchObject({
      "upstash-topic-name": "group",
      "upstash-label": "red",
    });
  });

  test("07 Q18 the region is the one that the operator named", async () => {
    await there.client.publish({ url: `${there.receiver.url}/region` });
    expect((await arrivalAt("/region")).headers["upstash-region"]).toBe("US-EAST-1");
  });

  test("05 §3 an SDK that knows two regions picks the keys by it", async () => {
    await there.client.publish({ url: `${there.receiver.url}/region`, body: "x" });
    const { headers } = await arrivalAt("/region");
    vi.stubEnv("QSTASH_REGION", "EU_CENTRAL_1");
    vi.stubEnv("EU_CENTRAL_1_QSTASH_CURRENT_SIGNING_KEY", "sig_of_europe");
    vi.stubEnv("EU_CENTRAL_1_QSTASH_NEXT_SIGNING_KEY", "sig_of_europe_too");
    vi.stubEnv("US_EAST_1_QSTASH_CURRENT_SIGNING_KEY", there.tenant.signingKeys.current);
    vi.stubEnv("US_EAST_1_QSTASH_NEXT_SIGNING_KEY", there.tenant.signingKeys.next);
    const receiver = new Receiver();
    const verify = (upstashRegion: string) =>
      receiver.verify({
        signature: String(headers["upstash-signature"]),
        body: "x",
        upstashRegion,
      });
    await expect(verify(String(headers["upstash-region"]))).resolves.toBe(true);
    await expect(verify("EU-CENTRAL-1")).rejects.toThrow("signature");
  });
});

describe("02 §2 outcome of an attempt", () => {
  test("07 Q17 2xx is a delivery, everything else a failure, and no redirect is followed", async () => {
    const statuses = [200, 201, 204, 299, 300, 301, 302, 304, 307, 400, 404, 410, 429, 500, 503];
    for (const status of statuses) {
      const headers = { Location: `${there.receiver.url}/elsewhere` };
      there.receiver.reply(`/${status}`, () => ({ status, headers }));
    }
    const published = await there.client.batch(
      statuses.map((status) => ({ url: `${there.receiver.url}/${status}`, retries: 0 })),
    );
    const ends = await Promise.all(
      published.flat().map(async ({ messageId }, index) => {
        const isSuccess = (statuses[index] ?? 0) < 300;
        const events = await there.settled(messageId, isSuccess ? "DELIVERED" : "FAILED");
        return events.at(-1)?.state;
      }),
    );
    expect(ends).toEqual(statuses.map((status) => (status < 300 ? "DELIVERED" : "FAILED")));
    expect(there.receiver.requests).toHaveLength(statuses.length);
  });

  test("07 Q11 489 and the header together forbid any retry, each alone does not", async () => {
    const headers = { "upstash-nonretryable-error": "true" };
    there.receiver.reply("/both", () => ({ status: 489, headers }));
    there.receiver.reply("/status", () => ({ status: 489 }));
    there.receiver.reply("/header", () => ({ status: 400, headers }));
    const paths = ["/both", "/status", "/header"];
    const published = await there.client.batch(
      paths.map((path) => ({ url: there.receiver.url + path, retries: 1, retryDelay: "1" })),
    );
    await Promise.all(published.flat().map(({ messageId }) => there.settled(messageId, "FAILED")));
    const attempts = Object.groupBy(there.receiver.requests, pathOf);
    expect(paths.map((path) => attempts[path]?.length)).toEqual([1, 2, 2]);
    expect((await there.client.dlq.listMessages()).messages).toHaveLength(3);
  });
});

describe("02 §3 when to retry", () => {
  const ASKED_BY_PUBLISHER = 777_000;
  const DAY = 86_400_000;
  /** What the receiver answers, and the least and most milliseconds until the next attempt. */
  const cases: readonly (readonly [number, Record<string, string>, number, number?])[] = [
    [500, { "Retry-After": "3" }, 3_000],
    [429, { "retry-after": "0" }, 0],
    [404, { "Retry-After": inSeconds(600) }, 500_000, 600_000],
    [503, { "Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT" }, 0],
    [500, { "Retry-After": "6m5s" }, 365_000],
    [500, { "Retry-After": "1d" }, DAY],
    [500, { "X-RateLimit-Reset": "20" }, 20_000],
    [500, { "X-RateLimit-Reset-Requests": "1h2m3s" }, 3_723_000],
    [500, { "X-RateLimit-Reset-Tokens": "250ms" }, 250],
    [500, { "X-RateLimit-Reset": "40", "Retry-After": "30" }, 30_000],
    [500, { "X-RateLimit-Reset-Tokens": "60", "X-RateLimit-Reset-Requests": "50" }, 50_000],
    [500, { "Retry-After": "90000", "X-RateLimit-Reset": "70" }, 70_000],
    [500, { "Retry-After": "90000" }, ASKED_BY_PUBLISHER],
    [500, { "Retry-After": "2d" }, ASKED_BY_PUBLISHER],
    [500, { "Retry-After": "soon" }, ASKED_BY_PUBLISHER],
    [500, { "Retry-After": "-1" }, ASKED_BY_PUBLISHER],
    [500, {}, ASKED_BY_PUBLISHER],
  ];

  test("the receiver's headers come first, then the publisher's expression", async () => {
    for (const [index, [status, headers]] of cases.entries()) {
      there.receiver.reply(`/${index}`, ({ headers: sent }) =>
        sent["upstash-retried"] === "0" ? { status, headers } : { status: 200 },
      );
    }
    const published = await there.client.batch(
      cases.map((_, index) => ({
        url: `${there.receiver.url}/${index}`,
        retryDelay: String(ASKED_BY_PUBLISHER),
      })),
    );
    for (const [index, { messageId }] of published.flat().entries()) {
      const [, headers = {}, least = 0, most = least] = cases[index] ?? [];
      const retry = (await there.settled(messageId, "RETRY")).find(
        ({ state }) => state === "RETRY",
      );
      const waitMs = (retry?.nextDeliveryTime ?? 0) - (retry?.time ?? 0);
      expect(waitMs, JSON.stringify(headers)).toBeGreaterThanOrEqual(least);
      expect(waitMs, JSON.stringify(headers)).toBeLessThanOrEqual(most + 1_000);
    }
  });

  test("07 Q49 without either it is e^(2.5n) seconds: 12, then 148", async () => {
    there.receiver.reply(({ headers }) => ({
      status: 500,
      // The first wait is told by a message of its own; here it is cut short.
      headers: headers["upstash-retried"] === "0" ? { "Retry-After": "0" } : {},
    }));
    there.receiver.reply("/first", () => ({ status: 500 }));
    const first = await there.client.publish({ url: `${there.receiver.url}/first` });
    const second = await there.client.publish({ url: there.receiver.url });
    const waits = async (messageId: string, count: number) => {
      const retries = await until(async () => {
        const found = (await there.settled(messageId, "RETRY")).filter(
          ({ state }) => state === "RETRY",
        );
        return found.length === count && found;
      });
      const last = retries.at(-1);
      return Math.round(((last?.nextDeliveryTime ?? 0) - (last?.time ?? 0)) / 1000);
    };
    expect([await waits(first.messageId, 1), await waits(second.messageId, 2)]).toEqual([12, 148]);
  });
});

describe("02 §4 life cycle", () => {
  test("07 Q6, Q41 each state carries what it tells, and IN_PROGRESS is three of them", async () => {
    there.receiver.reply(({ headers }) =>
      headers["upstash-retried"] === "1"
        ? { status: 200 }
        : { status: 503, body: "busy", headers: { "X-Why": "busy", "Retry-After": "0" } },
    );
    const { messageId } = await there.client.publish({ url: there.receiver.url, body: "b" });
    const events = await there.settled(messageId, "DELIVERED");
    const states = ["CREATED", "ACTIVE", "ERROR", "RETRY", "ACTIVE", "DELIVERED"];
    expect(events.map(({ state }) => state)).toEqual(states);
    const [created, , error, retry, , delivered] = events;
    expect(created?.nextDeliveryTime).toBeTypeOf("number");
    expect(retry?.nextDeliveryTime).toBeGreaterThanOrEqual(retry?.time ?? Infinity);
    expect(error).toMatchObject({
      responseStatus: 503,
      responseBody: base64("busy"),
      responseHeaders: { "X-Why": ["busy"] },
      responseHeader: { "X-Why": ["busy"] },
      error: expect.stringContaining("503") as string,
    });
    for (const event of [created, retry, delivered]) {
      expect(event).not.toHaveProperty("responseStatus");
      expect(event?.body).toBe(base64("b"));
    }
    const { logs } = await there.get<{ logs: { state: string }[] }>("/v2/logs?state=IN_PROGRESS");
    expect(logs.map(({ state }) => state)).toEqual(states.slice(1, 5).toReversed());
    await expect(there.client.messages.get(messageId)).rejects.toMatchObject({ status: 404 });
  });

  test("an attempt is ACTIVE while it is under way, and the message can be read", async () => {
    there.receiver.reply(() => "hang");
    const { messageId } = await there.client.publish({ url: there.receiver.url });
    await there.receiver.waitFor(1);
    const events = await there.settled(messageId, "ACTIVE");
    expect(events.map(({ state }) => state)).toEqual(["CREATED", "ACTIVE"]);
    await expect(there.client.messages.get(messageId)).resolves.toMatchObject({ messageId });
  });
});

describe("02 §5 callbacks", () => {
  test("07 Q10 the payload has these fields and no others, its times as numbers", async () => {
    const { url } = there.receiver;
    there.receiver.reply("/work?a=1", () => ({ status: 500 }));
    there.receiver.reply("/work", () => ({
      status: 418,
      headers: { "X-Answer": "yes", Connection: "close" },
      body: "short and stout",
    }));
    const endpoints = [{ url: `${url}/work?a=1`, name: "end" }];
    await there.client.urlGroups.addEndpoints({ name: "group", endpoints });
    const [published] = await there.client.publish({
      urlGroup: "group",
      method: "PATCH",
      retries: 0,
      body: "tea",
      headers: { "X-Mine": "kept", "Content-Type": "text/tea" },
      callback: `${url}/callback`,
      failureCallback: `${url}/failure`,
    });
    const [callback, failure] = [await arrivalAt("/callback"), await arrivalAt("/failure")];
    const told = {
      status: 418,
      header: expect.objectContaining({ "X-Answer": ["yes"] }) as object,
      body: Buffer.from("short and stout").toString("base64"),
      retried: 0,
      maxRetries: 0,
      sourceMessageId: published?.messageId,
      topicName: "group",
      endpointName: "end",
      url: `${url}/work?a=1`,
      method: "PATCH",
      sourceHeader: { "X-Mine": ["kept"], "Content-Type": ["text/tea"] },
      sourceBody: Buffer.from("tea").toString("base64"),
      notBefore: expect.any(Number) as number,
      createdAt: expect.any(Number) as number,
      callerIP: "127.0.0.1",
    };
    expect(JSON.parse(String(callback.body))).toEqual(told);
    const [entry] = (await there.client.dlq.listMessages()).messages;
    expect(JSON.parse(String(failure.body))).toEqual({ ...told, dlqId: entry?.dlqId });
    for (const { method, headers } of [callback, failure]) {
      expect(method).toBe("POST");
      expect(headers["content-type"]).toBe("application/json");
      expect(headers["upstash-message-id"]).not.toBe(published?.messageId);
    }
    expect(claimsOf(callback)["sub"]).toBe(`${url}/callback`);
  });

  test("a callback comes after every attempt, a failure callback once and at the end", async () => {
    const { url } = there.receiver;
    there.receiver.reply("/work", () => ({ status: 500 }));
    const options = { url: `${url}/work`, retries: 2, retryDelay: "1" };
    const { messageId } = await there.client.publish({
      ...options,
      callback: `${url}/callback`,
      failureCallback: `${url}/failure`,
    });
    await there.settled(messageId, "FAILED");
    await arrivalAt("/failure");
    const counts = await until(async () => {
      const groups = Object.groupBy(there.receiver.requests, pathOf);
      return groups["/callback"]?.length === 3 && groups;
    });
    expect(counts["/failure"]).toHaveLength(1);
    const retried = counts["/callback"]?.map(
      ({ body }) => (JSON.parse(String(body)) as { retried: number }).retried,
    );
    expect(retried?.toSorted()).toEqual([0, 1, 2]);
  });
});

test("07 Q28 a failure callback that waits is cancelled like any message: 200", async () => {
  const { url } = there.receiver;
  there.receiver.reply("/work", () => ({ status: 500 }));
  await there.call(`POST /v2/publish/${url}/work`, {
    headers: {
      "Upstash-Retries": "0",
      "Upstash-Failure-Callback": `${url}/failure`,
      "Upstash-Failure-Callback-Delay": "1h",
    },
  });
  const filter = { url: `${url}/failure` };
  const created = await until(async () => (await there.client.logs({ filter })).logs[0]);
  const answer = await there.call(`DELETE /v2/messages/${created.messageId}`);
  expect(answer).toMatchObject({ status: 200, json: { cancelled: 1 } });
});

describe("02 §6 signature", () => {
  test("the claims are these, fresh at each attempt, for a body and for none", async () => {
    there.receiver.reply(({ headers }) => ({
      status: headers["upstash-retried"] === "0" ? 500 : 200,
    }));
    const url = `${there.receiver.url}/signed?a=%20b`;
    await there.call(`POST /v2/publish/${url}`, {
      headers: { "Upstash-Retry-Delay": "1" },
      body: "bödy",
    });
    const [first, second] = await there.receiver.waitFor(2);
    await there.call(`POST /v2/publish/${there.receiver.url}/empty`);
    const empty = claimsOf(await arrivalAt("/empty"));
    const now = Math.floor(Date.now() / 1000);
    for (const request of [first, second]) {
      const claims = claimsOf(request as ReceivedRequest);
      expect(claims).toEqual({
        iss: "Upstash",
        sub: url,
        iat: expect.any(Number) as number,
        exp: Number(claims["iat"]) + 300,
        nbf: 0,
        jti: expect.stringMatching(/^jwt_./) as string,
        body: sha256("bödy"),
      });
      expect(Math.abs(Number(claims["iat"]) - now)).toBeLessThan(30);
    }
    expect(claimsOf(first as ReceivedRequest)["jti"]).not.toBe(
      claimsOf(second as ReceivedRequest)["jti"],
    );
    expect(empty["body"]).toBe(sha256(""));
    const [head = ""] = String(first?.headers["upstash-signature"]).split(".");
    expect(JSON.parse(Buffer.from(head, "base64url").toString())).toEqual({
      alg: "HS256",
      typ: "JWT",
    });
  });
});

describe("02 §7 queues and flow control at delivery", () => {
  test("a queue of parallelism n has n under way, the oldest first", async () => {
    const held = holdAll();
    const queue = there.client.queue({ queueName: "wide" });
    await queue.upsert({ parallelism: 2, paused: true });
    const ids: string[] = [];
    for (const path of ["/1", "/2", "/3"]) {
      ids.push((await queue.enqueue({ url: there.receiver.url + path })).messageId);
    }
    await queue.resume();
    await there.receiver.waitFor(2);
    expect(held.map(pathOf).toSorted()).toEqual(["/1", "/2"]);
    // The third comes when a place is free, and not before.
    await there.client.messages.cancel(ids[0] ?? "");
    await there.receiver.waitFor(3);
    expect(held.map(pathOf).at(-1)).toBe("/3");
    expect((await queue.get()).lag).toBe(2);
  });

  test("what waits at a key is not failed and uses no retry", async () => {
    there.receiver.reply(() => ({ status: 200, delayMs: 50 }));
    const flowControl = { key: "narrow", parallelism: 1 };
    const paths = ["/1", "/2", "/3", "/4"];
    const published = await there.client.batch(
      paths.map((path) => ({ url: there.receiver.url + path, retries: 0, flowControl })),
    );
    for (const { messageId } of published.flat()) {
      const events = await there.settled(messageId, "DELIVERED");
      expect(events.map(({ state }) => state)).toEqual(["CREATED", "ACTIVE", "DELIVERED"]);
    }
    expect(there.receiver.requests.map(({ headers }) => headers["upstash-retried"])).toEqual(
      paths.map(() => "0"),
    );
  });

  test("retries pass through flow control again", async () => {
    there.receiver.reply("/again", ({ headers }) => ({
      status: headers["upstash-retried"] === "0" ? 500 : 200,
    }));
    const { messageId } = await there.client.publish({
      url: `${there.receiver.url}/again`,
      retryDelay: "1",
      flowControl: { key: "slow", rate: 1, period: "1h" },
    });
    await there.settled(messageId, "RETRY");
    const key = await until(async () => {
      const found = await there.client.flowControl.get("slow");
      return found.waitListSize === 1 && found;
    });
    expect(key.rateCount).toBe(1);
    expect(there.receiver.requests).toHaveLength(1);
    await there.client.flowControl.resetRate("slow");
    await there.settled(messageId, "DELIVERED");
  });

  test("a paused key starts nothing, and lets all go when it is resumed", async () => {
    const { flowControl } = there.client;
    await flowControl.pause("k");
    const published = await there.client.publish({
      url: `${there.receiver.url}/paused`,
      flowControl: { key: "k", parallelism: 5 },
    });
    // What comes behind it through no key shows that it would have started by now.
    await there.client.publish({ url: `${there.receiver.url}/free` });
    await arrivalAt("/free");
    expect(there.receiver.requests.map(pathOf)).toEqual(["/free"]);
    expect(await flowControl.get("k")).toMatchObject({ isPaused: true, waitListSize: 1 });
    await flowControl.resume("k");
    await there.settled(published.messageId, "DELIVERED");
    expect(await flowControl.get("k")).toMatchObject({ isPaused: false, waitListSize: 0 });
  });

  test("07 Q38 a queue and a key apply both, the queue's order first", async () => {
    const { client, receiver } = there;
    const flowControl = { key: "gate", parallelism: 1 };
    const queue = client.queue({ queueName: "line" });
    await client.flowControl.pause("gate");
    for (const path of ["/1", "/2"]) await queue.enqueue({ url: receiver.url + path, flowControl });
    await queue.enqueue({ url: `${receiver.url}/3` });
    await client.publish({ url: `${receiver.url}/free` });
    await arrivalAt("/free");
    expect(receiver.requests).toHaveLength(1);
    await client.flowControl.resume("gate");
    await receiver.waitFor(4);
    expect(receiver.requests.map(pathOf)).toEqual(["/free", "/1", "/2", "/3"]);
  });
});
