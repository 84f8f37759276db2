import { describe, expect, test } from "vitest";

import { world } from "./world.ts";

const there = world();

/** So many messages that wait, in one batch; ids in order. */
async function publish(count: number, over: object = {}): Promise<string[]> {
  const results = await there.client.batch(
    Array.from({ length: count }, () => ({ url: "https://example.com/", delay: 3600, ...over })),
  );
  return results.flatMap((result) => result).map(({ messageId }) => messageId);
}

const deadLetters = async () => (await there.client.dlq.listMessages()).messages;

/** Ids of the dead letters, newest first, once there are so many. */
async function allDead(count: number): Promise<string[]> {
  await expect.poll(async () => (await deadLetters()).length, { timeout: 10_000 }).toBe(count);
  return (await deadLetters()).map(({ dlqId }) => dlqId);
}

describe("00 §6 pagination", () => {
  interface Page {
    readonly cursor?: string;
  }

  test("the log: a cursor while more remains, none on the last page, exactly full or not", async () => {
    const ids = await publish(105);
    for (const [path, key] of [
      ["/v2/events", "events"],
      ["/v2/logs", "logs"],
    ] as const) {
      type LogPage = Page & Record<string, { messageId: string }[]>;
      const first = await there.get<LogPage>(path);
      expect(first.cursor).toBeTypeOf("string");
      expect(first[key]).toHaveLength(100);
      const rest = await there.get<LogPage>(`${path}?cursor=${first.cursor}`);
      expect(Object.keys(rest)).toEqual([key]);
      const seen = [...(first[key] ?? []), ...(rest[key] ?? [])].map(({ messageId }) => messageId);
      expect(seen).toHaveLength(105);
      expect(new Set(seen)).toEqual(new Set(ids));
      expect(Object.keys(await there.get(`${path}?count=105`))).toEqual([key]);
      expect(Object.keys(await there.get(`${path}?label=none`))).toEqual([key]);
    }
  });

  test("dead letters: list, retry and delete, by the same rules", async () => {
    there.receiver.reply(() => ({ status: 500 }));
    const url = there.receiver.url;
    const options = { url, delay: 0, retries: 0 };
    await publish(4, options);
    const ids = await allDead(4);
    for (const [count, more] of [
      [3, true],
      [4, false],
      [1000, false],
    ] as const) {
      const page = await there.get<Page & { messages: unknown[] }>(`/v2/dlq?count=${count}`);
      expect("cursor" in page, String(count)).toBe(more);
      expect(page.messages).toHaveLength(Math.min(count, 4));
    }
    const next = await there.get<Page & { messages: { dlqId: string }[] }>("/v2/dlq?count=3");
    const last = await there.get<typeof next>(`/v2/dlq?count=3&cursor=${next.cursor}`);
    expect([...next.messages, ...last.messages].map(({ dlqId }) => dlqId)).toEqual(ids);
    expect(last).not.toHaveProperty("cursor");

    const deleted = await there.call("DELETE /v2/dlq?count=1");
    expect(deleted.json).toEqual({ deleted: 1, cursor: expect.any(String) as string });
    const retried = await there.call(`POST /v2/dlq/retry?count=2&url=${encodeURIComponent(url)}`);
    expect(retried.json).toEqual({
      responses: [{}, {}].map(() => ({ messageId: expect.any(String) as string })),
      cursor: expect.any(String) as string,
    });
    await allDead(3);
    expect((await there.call("POST /v2/dlq/retry?count=3")).json).not.toHaveProperty("cursor");
    await allDead(3);
    expect((await there.call("DELETE /v2/dlq?count=3")).json).toEqual({ deleted: 3 });
    expect((await there.call("DELETE /v2/dlq")).json).toEqual({ deleted: 0 });
    expect((await there.call("POST /v2/dlq/retry")).json).toEqual({ responses: [] });
  });

  test("a cursor that no page gave is 400", async () => {
    for (const line of ["GET /v2/events", "GET /v2/dlq", "DELETE /v2/dlq", "POST /v2/dlq/retry"]) {
      const answer = await there.call(`${line}?cursor=mine`);
      expect(answer).toMatchObject({ status: 400, json: { error: expect.any(String) as string } });
      expect(answer.text).toContain("mine");
    }
  });

  test("07 Q36 a count above the most is the most: 100 dead letters, 500 of a bulk cancel", async () => {
    await publish(502);
    expect((await there.call("DELETE /v2/messages?count=99999")).json).toEqual({ cancelled: 500 });
    expect((await there.call("DELETE /v2/messages")).json).toEqual({ cancelled: 2 });
  });
});

describe("00 §7 units and encodings", () => {
  test("times are whole milliseconds, and what is not set is left out", async () => {
    const before = Date.now();
    const message = await there.waiting({ "Upstash-Delay": "1d10h30m" });
    expect(message).toEqual({
      messageId: expect.stringMatching(/^msg_/) as string,
      url: "https://example.com/",
      method: "POST",
      maxRetries: 3,
      createdAt: expect.any(Number) as number,
      notBefore: expect.any(Number) as number,
      callerIP: "127.0.0.1",
      callerIp: "127.0.0.1",
    });
    const { createdAt, notBefore } = message as { createdAt: number; notBefore: number };
    expect(Number.isInteger(createdAt) && Number.isInteger(notBefore)).toBe(true);
    expect(Math.abs(createdAt - before)).toBeLessThan(60_000);
    expect(Math.abs(notBefore - createdAt - (34 * 60 + 30) * 60_000)).toBeLessThan(1_000);
  });

  test("07 Q46 Upstash-Not-Before is unix seconds, a bare duration is seconds", async () => {
    const unixSeconds = Math.floor(Date.now() / 1000) + 100;
    const message = await there.waiting({ "Upstash-Not-Before": String(unixSeconds) });
    expect(message["notBefore"]).toBe(unixSeconds * 1000);
    const delayed = await there.waiting({ "Upstash-Delay": "30", "Upstash-Timeout": "30" });
    expect(Number(delayed["notBefore"]) - Number(delayed["createdAt"])).toBeLessThan(31_000);
    const { events } = await there.get<{ events: object[] }>("/v2/events?count=1");
    expect(events[0]).toMatchObject({ timeout: 30_000, nextDeliveryTime: delayed["notBefore"] });
  });

  test("a body is text when it is UTF-8 and base64 otherwise; in the log always base64", async () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x00]);
    expect(await there.waiting({}, "grüße")).toMatchObject({ body: "grüße" });
    const binary = await there.waiting({}, bytes);
    expect(binary).toMatchObject({ bodyBase64: bytes.toString("base64") });
    expect(binary).not.toHaveProperty("body");
    const { logs } = await there.get<{ logs: object[] }>("/v2/logs");
    expect(logs).toMatchObject(
      [bytes, Buffer.from("grüße")].map((body) => ({ body: body.toString("base64") })),
    );
  });

  test("header maps are names in canonical case, each with a list of values", async () => {
    const message = await there.waiting({
      "upstash-forward-test-header": ["a", "b"],
      "UPSTASH-FORWARD-X": "c",
      "content-type": "text/plain",
    });
    expect(message["header"]).toEqual({
      "Test-Header": ["a", "b"],
      X: ["c"],
      "Content-Type": ["text/plain"],
    });
  });

  test.each(["true", "True", "TRUE"])("a boolean may be spelled %s", async (yes) => {
    const headers = { "Upstash-Content-Based-Deduplication": yes };
    const first = await there.waiting(headers, yes);
    expect(await there.waiting(headers, yes)).toEqual(first);
    expect(
      await there.waiting({ "Upstash-Content-Based-Deduplication": "False" }, yes),
    ).not.toEqual(first);
  });
});

describe("00 §8 where configuration may come from", () => {
  /** Every setting of a message, and what the message then shows. */
  const settings = {
    "upstash-method": "PUT",
    "upstash-not-before": "4000000000.5",
    "upstash-retries": "7",
    "upstash-retry-delay": "pow(2, retried) * 1000",
    "upstash-label": "one , two",
    "upstash-flow-control-key": "key",
    "upstash-flow-control-value": "parallelism=5, rate=10, period=1m",
    "upstash-callback": "https://example.com/callback?a=1&b=2",
    "upstash-callback-forward-x-of-callback": "c",
    "upstash-failure-callback": "https://example.com/failure",
    "upstash-failure-callback-forward-x-of-failure": "f",
    "upstash-forward-x-mine": "a&b=c d",
  };
  const shown = {
    method: "PUT",
    maxRetries: 7,
    retryDelayExpression: "pow(2, retried) * 1000",
    label: "one",
    labels: ["one", "two"],
    flowControlKey: "key",
    parallelism: 5,
    rate: 10,
    period: 60,
    callback: "https://example.com/callback?a=1&b=2",
    callbackHeader: { "X-Of-Callback": ["c"] },
    failureCallback: "https://example.com/failure",
    failureCallbackHeader: { "X-Of-Failure": ["f"] },
    header: { "X-Mine": ["a&b=c d"] },
  };
  const later = String(Math.floor(Date.now() / 1000) + 3_600);
  const given = { ...settings, "upstash-not-before": later };

  test("every header works as a query parameter, on publish and on enqueue", async () => {
    const query = new URLSearchParams(given).toString();
    for (const path of ["publish", "enqueue/q"]) {
      const answer = await there.call(`POST /v2/${path}/https://example.com/?mine=1&${query}&last`);
      const message = await there.messageOf(answer);
      expect(message).toMatchObject({ ...shown, notBefore: Number(later) * 1000 });
      expect(message).toMatchObject({ url: "https://example.com/?mine=1&last" });
    }
  });

  test("every header works as a header, in a batch, and stored on a topic", async () => {
    expect(
      await there.messageOf(
        await there.call("POST /v2/publish/https://example.com/", {
          headers: given,
        }),
      ),
    ).toMatchObject(shown);
    const item = { destination: "https://example.com/", headers: given };
    const batch = await there.call("POST /v2/batch", { body: JSON.stringify([item]) });
    expect(await there.messageOf(batch)).toMatchObject(shown);

    const endpoints = [{ url: "https://example.com/" }];
    await there.client.urlGroups.addEndpoints({ name: "t", endpoints });
    const body = JSON.stringify({ headers: given });
    expect((await there.call("PATCH /v2/topics/t", { body })).status).toBe(200);
    expect(await there.messageOf(await there.call("POST /v2/publish/t"))).toMatchObject(shown);
  });

  test("the request header wins over the query parameter, the topic's default and the built-in one", async () => {
    const endpoints = [{ url: "https://example.com/" }];
    await there.client.urlGroups.addEndpoints({ name: "t", endpoints });
    const defaults = { "Upstash-Delay": "1h", "Upstash-Retries": "1", "Upstash-Label": "topic" };
    const body = JSON.stringify({ headers: { ...defaults, "Upstash-Forward-X": ["t1", "t2"] } });
    await there.call("PATCH /v2/topics/t", { body });
    const retriesOf = async (query: string, headers: Record<string, string>) =>
      there.messageOf(await there.call(`POST /v2/publish/t${query}`, { headers }));
    const parameter = "?upstash-retries=2";
    const header = { "Upstash-Retries": "0", "Upstash-Forward-X": "own" };
    expect(await retriesOf("", {})).toMatchObject({
      maxRetries: 1,
      label: "topic",
      header: { X: ["t1", "t2"] },
    });
    expect(await retriesOf(parameter, {})).toMatchObject({ maxRetries: 2, label: "topic" });
    expect(await retriesOf(parameter, header)).toMatchObject({
      maxRetries: 0,
      label: "topic",
      header: { X: ["own"] },
    });
    expect(await there.waiting({})).toMatchObject({ maxRetries: 3 });
  });

  test("what is ours never reaches the destination, known or not, in any capitals", async () => {
    const query = "a=1&Upstash-Nobody-Knows=1&UPSTASH-RETRIES=0&upstash-workflow-runid=x&b=2";
    await there.call(`POST /v2/publish/${there.receiver.url}/x?${query}`);
    const [request] = await there.receiver.waitFor(1);
    expect(request?.url).toBe("/x?a=1&b=2");
  });
});
