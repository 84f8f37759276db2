import { createHash } from "node:crypto";

import { until } from "@omnistore/testkit/until";
import { describe, expect, test } from "vitest";

import { world } from "./world.ts";

const there = world();

const ID = expect.stringMatching(/^msg_[0-9a-f]{32}$/) as string;

/** Publishes to the receiver and resolves with what arrived there. */
async function arrivalOf(line: string, options: Parameters<typeof there.call>[1] = {}) {
  const path = `/arrival-${there.receiver.requests.length}`;
  const answer = await there.call(line.replace("$", there.receiver.url + path), options);
  expect(answer.status, answer.text).toBeLessThan(300);
  const [request] = await there.receiver.waitFor(({ url }) => url.startsWith(path));
  if (request === undefined) throw new Error("nothing arrived");
  return request;
}

/** One text in every setting that is a text. */
const asTexts = (value: string) => ({
  "Upstash-Label": value,
  "Upstash-Deduplication-Id": value,
  "Upstash-Forward-X-Text": value,
});

const hash = (value: string) => `REDACTED:${createHash("sha256").update(value).digest("hex")}`;

const token = () => `qstash_token=${encodeURIComponent(there.tenant.token)}`;

/** A message that brings these rules to the key `k`. */
const publishThrough = (rules: { parallelism?: number; rate?: number; period?: number }) =>
  there.client.publish({
    url: "https://example.com/",
    delay: 60,
    flowControl: { key: "k", ...rules } as { key: string; rate: number },
  });

describe("01 §1 routes", () => {
  test("a body is any bytes, of any type or of none, and may be empty", async () => {
    const broken = Buffer.from('{"not": json\xff', "latin1");
    const json = { "content-type": "application/json" };
    const first = await arrivalOf("POST /v2/publish/$", { headers: json, body: broken });
    expect(first.body).toEqual(broken);
    expect(first.headers["content-type"]).toBe("application/json");
    const empty = await arrivalOf("POST /v2/enqueue/q/$");
    expect(empty.body).toHaveLength(0);
    expect(empty.headers).not.toHaveProperty("content-type");
  });

  test("an enqueue makes its queue with parallelism 1 when there is none", async () => {
    await arrivalOf("POST /v2/enqueue/made/$");
    expect(await there.get("/v2/queues/made")).toMatchObject({ parallelism: 1, paused: false });
  });
});

describe("01 §2 destinations", () => {
  test.each([
    ["http://$", 200],
    ["HTTPS://example.com/", 200],
    ["group.name-1_x", 200],
    ["api/llm", 400],
    ["api/email", 400],
    ["no-such-group", 400],
    ["example.com/path", 400],
    ["ftp://example.com/", 400],
    ["mailto:a@example.com", 400],
  ])("%s is answered with %i", async (destination, status) => {
    const endpoints = [{ url: there.receiver.url }];
    await there.client.urlGroups.addEndpoints({ name: "group.name-1_x", endpoints });
    const target = destination.replace("http://$", there.receiver.url);
    const headers = { "Upstash-Delay": "1h", "Upstash-Callback": "https://example.com/" };
    const answers = [
      await there.call(`POST /v2/publish/${target}`, { headers }),
      await there.call(`POST /v2/enqueue/q/${target}`, { headers }),
      await there.call("POST /v2/batch", {
        body: JSON.stringify([{ destination: target, headers }]),
      }),
    ];
    for (const answer of answers) {
      expect(answer.status, answer.text).toBe(status);
      if (status === 400) expect(answer.text).toContain("invalid destination url: ");
    }
  });

  test("a group is meant as it is when the message is published", async () => {
    const { urlGroups } = there.client;
    const endpoint = (path: string) => ({ url: there.receiver.url + path });
    await urlGroups.addEndpoints({ name: "g", endpoints: [endpoint("/a"), endpoint("/b")] });
    const published = await there.client.publish({ urlGroup: "g", delay: 1 });
    await urlGroups.removeEndpoints({ name: "g", endpoints: [endpoint("/b")] });
    await urlGroups.addEndpoints({ name: "g", endpoints: [endpoint("/c")] });
    expect(published).toHaveLength(2);
    await there.receiver.waitFor(2);
    const paths = there.receiver.requests.map(({ url }) => url);
    expect(paths.toSorted()).toEqual(["/a", "/b"]);
  });
});

describe("01 §3 request headers", () => {
  test("without any, a message is a POST with three retries and nothing else", async () => {
    const { messageId } = await there.client.publish({ url: "https://example.com/", delay: 60 });
    expect(await there.get(`/v2/messages/${messageId}`)).toEqual({
      messageId,
      url: "https://example.com/",
      method: "POST",
      maxRetries: 3,
      createdAt: expect.any(Number) as number,
      notBefore: expect.any(Number) as number,
      callerIP: "127.0.0.1",
      callerIp: "127.0.0.1",
    });
  });

  test.each(["GET", "POST", "PUT", "PATCH", "DELETE"])("a message may be a %s", async (method) => {
    const request = await arrivalOf("POST /v2/publish/$", {
      headers: { "Upstash-Method": method },
      body: "with a body",
    });
    expect([request.method, String(request.body)]).toEqual([method, "with a body"]);
  });

  test.each<[string, string, number]>([
    ["Upstash-Method", "HEAD", 400],
    ["Upstash-Delay", "soon", 400],
    ["Upstash-Not-Before", "tomorrow", 400],
    ["Upstash-Retries", "-1", 400],
    ["Upstash-Retries", "many", 400],
    ["Upstash-Retry-Delay", "sleep(1)", 400],
    ["Upstash-Timeout", "0", 400],
    ["Upstash-Content-Based-Deduplication", "maybe", 400],
    ["Upstash-Callback", "example.com", 400],
    ["Upstash-Failure-Callback", "a-group", 400],
    ["Upstash-Header-Forward", "maybe", 400],
    ["Upstash-Flow-Control-Key", "alone", 400],
    ["Upstash-Flow-Control-Value", "rate=1", 400],
    ["Upstash-Redact-Fields", "everything", 400],
    ["Upstash-Cron", "every day", 400],
  ])("%s: %s is %i, named with its value, everywhere", async (name, value, status) => {
    const headers = { "upstash-delay": "1h", [name.toLowerCase()]: value };
    const batch = JSON.stringify([{ destination: "https://example.com/", headers }]);
    const answers = [
      await there.call("POST /v2/publish/https://example.com/", { headers }),
      await there.call("POST /v2/enqueue/q/https://example.com/", { headers }),
      await there.call("POST /v2/batch", { body: batch }),
      await there.call("POST /v2/schedules/https://example.com/", {
        headers: { "upstash-cron": "0 0 1 1 *", ...headers },
      }),
      await there.call(
        `POST /v2/publish/https://example.com/?${new URLSearchParams(headers).toString()}`,
      ),
    ];
    const deduplicated = name === "Upstash-Content-Based-Deduplication";
    for (const [index, answer] of answers.entries()) {
      // 01 §5: a schedule pays no attention to deduplication.
      if (deduplicated && index === 3) continue;
      expect(answer.status, answer.text).toBe(status);
      expect((answer.json as { error: string }).error).toContain(`${name} "${value}"`);
    }
    expect((await there.client.logs()).logs).toEqual([]);
  });

  test("not-before wins over delay, may have a fraction, and in the past means now", async () => {
    const later = Math.floor(Date.now() / 1000) + 600;
    const both = { "Upstash-Delay": "1d", "Upstash-Not-Before": `${later}.25` };
    expect(await there.waiting(both)).toMatchObject({ notBefore: later * 1000 + 250 });
    const past = { "Upstash-Delay": "1d", "Upstash-Not-Before": "1" };
    await arrivalOf("POST /v2/publish/$", { headers: past });
  });

  test("07 Q37 an enqueue may be delayed and takes its place when it is due", async () => {
    const queue = there.client.queue({ queueName: "late" });
    const url = there.receiver.url;
    await queue.enqueue({ url: `${url}/later`, delay: 1 });
    await queue.enqueue({ url: `${url}/now`, notBefore: 1 });
    await there.receiver.waitFor(2);
    expect(there.receiver.requests.map((request) => request.url)).toEqual(["/now", "/later"]);
  });

  test.each([
    ["delay", "Upstash-Callback-Delay", () => "1h"],
    ["time", "Upstash-Callback-Not-Before", () => String(Math.ceil(Date.now() / 1000) + 3600)],
  ])("07 Q12 a callback may have a %s of its own", async (_what, name, value) => {
    const url = there.receiver.url;
    const headers = { "Upstash-Callback": `${url}/callback`, [name]: value() };
    await arrivalOf("POST /v2/publish/$", { headers });
    const filter = { url: `${url}/callback` };
    const created = await until(async () => (await there.client.logs({ filter })).logs[0]);
    expect(created).toMatchObject({ state: "CREATED" });
    expect(created.nextDeliveryTime).toBeGreaterThan(Date.now() + 3_500_000);
  });

  test("several labels are separated by commas, blanks around them trimmed", async () => {
    const message = await there.waiting({ "Upstash-Label": " first , second label,third" });
    expect(message).toMatchObject({
      label: "first",
      labels: ["first", "second label", "third"],
    });
  });

  test("07 Q16 labels and flow-control keys are any printable text", async () => {
    const label = "ключ € / 100% 🙂";
    const key = "a b.c/€";
    const item = {
      destination: `${there.receiver.url}/label`,
      headers: {
        "Upstash-Label": label,
        "Upstash-Flow-Control-Key": key,
        "Upstash-Flow-Control-Value": "rate=9",
      },
    };
    const answer = await there.call("POST /v2/batch", { body: JSON.stringify([item]) });
    expect(answer.json).toEqual([{ messageId: ID }]);
    const [request] = await there.receiver.waitFor(1);
    const sent = Buffer.from(String(request?.headers["upstash-label"]), "latin1").toString();
    expect(sent).toBe(label);
    const found = await there.client.logs({ filter: { label, flowControlKey: key } });
    expect(found.logs.length).toBeGreaterThan(0);
    const half = { ...item, headers: { ...item.headers, "Upstash-Label": "\ud800" } };
    const keyless = { ...item, headers: { ...item.headers, "Upstash-Flow-Control-Key": "\udc00" } };
    const tooLong = { ...item, headers: { ...item.headers, "Upstash-Label": "€".repeat(86) } };
    const wrong = JSON.stringify([item, half, keyless, tooLong]);
    expect((await there.call("POST /v2/batch", { body: wrong })).json).toEqual([
      { messageId: ID },
      { error: expect.stringContaining("surrogate") as string },
      { error: expect.stringContaining("surrogate") as string },
      { error: expect.stringContaining("longer than 256 bytes") as string },
    ]);
  });

  test("07 Q16 a text means the same as a header in UTF-8, as a parameter and in a batch", async () => {
    const text = "größe 日本";
    const inBytes = Buffer.from(text).toString("latin1");
    const destination = `${there.receiver.url}/text`;
    const query = new URLSearchParams(asTexts(text)).toString().toLowerCase();
    const byHeader = await there.call(`POST /v2/publish/${destination}`, {
      headers: asTexts(inBytes),
    });
    const byParameter = await there.call(`POST /v2/publish/${destination}?${query}`);
    const batch = [
      { destination, headers: asTexts(text) },
      { destination, headers: { ...asTexts(text), "Upstash-Deduplication-Id": "another" } },
    ];
    const byBatch = await there.call("POST /v2/batch", { body: JSON.stringify(batch) });
    const duplicate = { messageId: ID, deduplicated: true };
    expect(byHeader.json).toEqual({ messageId: ID });
    expect(byParameter.json).toEqual(duplicate);
    expect(byBatch.json).toEqual([duplicate, { messageId: ID }]);
    const arrived = await there.receiver.waitFor(2);
    expect(arrived.map(({ headers }) => headers["x-text"])).toEqual([inBytes, inBytes]);
    expect(arrived.map(({ headers }) => headers["upstash-label"])).toEqual([inBytes, inBytes]);
  });

  test("Upstash-Header-Forward hands on every header that is neither ours nor of the connection", async () => {
    const request = await arrivalOf("POST /v2/publish/$", {
      headers: {
        "Upstash-Header-Forward": "true",
        "Upstash-Forward-X-Named": "named",
        "Upstash-Retries": "0",
        "Upstash-Telemetry-Sdk": "sdk",
        "User-Agent": "somebody",
        "X-Named": "passed on",
        "X-Signature": "abc",
        "X-Hop": "1",
        Cookie: ["a=1", "b=2"],
        Connection: "X-Hop, close",
        "Accept-Encoding": "br",
        TE: "trailers",
      },
      body: "x",
    });
    expect(request.headers).toMatchObject({
      "x-named": "named",
      "x-signature": "abc",
      cookie: "a=1; b=2",
      "user-agent": "Upstash-QStash",
      host: new URL(there.receiver.url).host,
    });
    for (const name of [
      "authorization",
      "upstash-header-forward",
      "upstash-retries",
      "upstash-telemetry-sdk",
      "x-hop",
      "accept-encoding",
      "te",
    ]) {
      expect(request.headers, name).not.toHaveProperty(name);
    }
  });

  test("what a workflow sends is accepted on publish and batch, and only what it forwards arrives", async () => {
    const headers = {
      "Upstash-Workflow-Init": "true",
      "Upstash-Workflow-RunId": "wfr_1",
      "Upstash-Workflow-Url": "https://example.com/",
      "Upstash-Workflow-Sdk-Version": "1",
      "Upstash-Feature-Set": "LazyFetch,InitialBody",
      "Upstash-Workflow-CallType": "step",
      "Upstash-Forward-Upstash-Workflow-RunId": "wfr_1",
      "Upstash-Callback-Workflow-RunId": "wfr_1",
      "Upstash-Callback-Feature-Set": "LazyFetch",
    };
    const published = await arrivalOf("POST /v2/publish/$", { headers });
    const body = JSON.stringify([{ destination: `${there.receiver.url}/batch`, headers }]);
    expect((await there.call("POST /v2/batch", { body })).json).toEqual([{ messageId: ID }]);
    const [, batched] = await there.receiver.waitFor(2);
    for (const request of [published, batched]) {
      const names = Object.keys(request?.headers ?? {});
      expect(names.filter((name) => /workflow|feature/.test(name))).toEqual([
        "upstash-workflow-runid",
      ]);
    }
  });
});

/** Expects of an expression that it is echoed, and that the first retry waits so long. */
async function asksFor(retryDelay: string, ms: number): Promise<void> {
  there.receiver.reply(({ headers }) => ({
    status: headers["upstash-retried"] === "0" ? 500 : 200,
  }));
  const { messageId } = await there.client.publish({ url: there.receiver.url, retryDelay });
  const events = await there.settled(messageId, "RETRY");
  const retry = events.find(({ state }) => state === "RETRY");
  const waits = (retry?.nextDeliveryTime ?? 0) - (retry?.time ?? 0);
  expect(waits).toBeGreaterThanOrEqual(ms);
  expect(waits).toBeLessThan(ms + 500);
  expect(retry).toMatchObject({ retryDelayExpression: retryDelay, retryDelayExpr: retryDelay });
}

describe("01 §4 retry-delay expression", () => {
  test.each([
    ["1000", 1000],
    ["1000 * (1 + retried)", 1000],
    ["pow(2, retried) * 2000", 2000],
    ["max(1000, pow(2, retried) * 100)", 1000],
    ["min(9000, 8000, 7000)", 7000],
    ["abs(-3000) + floor(1.9) - ceil(0.1) + round(0.4)", 3000],
    ["sqrt(16) * exp(0) * 1000 / 2", 2000],
    ["1000 * retried", 0],
  ])("%s is echoed as it is, and asks for %i ms before the first retry", asksFor);

  test.each([
    ["-5000", 0],
    ["90000000", 86_400_000],
    ["1 / 0", 12_000],
    ["0 / 0", 12_000],
  ])("07 Q9 %s is held between none and a day, and no number is the default: %i ms", asksFor);

  test("is echoed on messages, dead letters and schedules", async () => {
    const retryDelay = "1000  *  (1+retried)";
    const shown = { retryDelayExpression: retryDelay };
    expect(await there.waiting({ "Upstash-Retry-Delay": retryDelay })).toMatchObject(shown);
    there.receiver.reply(() => ({ status: 500 }));
    const url = there.receiver.url;
    const { messageId } = await there.client.publish({ url, retries: 0, retryDelay });
    await there.settled(messageId, "FAILED");
    const { messages } = await there.client.dlq.listMessages();
    expect(messages).toMatchObject([shown]);
    const { scheduleId } = await there.client.schedules.create({
      destination: url,
      cron: "0 0 1 1 *",
      retryDelay,
    });
    expect(await there.client.schedules.get(scheduleId)).toMatchObject(shown);
  });

  test.each(["", "pow(2)", "retries * 2", "1000;", "min(1)", "2 ** 3", "constructor"])(
    "%j is 400",
    async (expression) => {
      const headers = { "Upstash-Retry-Delay": expression };
      const answer = await there.call("POST /v2/publish/https://example.com/", { headers });
      expect(answer.status).toBe(400);
      expect(answer.text).toContain("Upstash-Retry-Delay");
    },
  );
});

describe("01 §6 flow-control value", () => {
  test.each<[string, object]>([
    ["parallelism=5, rate=10, period=1m", { parallelism: 5, rate: 10, period: 60 }],
    ["rate=10,period=7d", { rate: 10, period: 604_800 }],
    ["rate=1 ,period=90", { rate: 1, period: 90 }],
    ["rate=3", { rate: 3, period: 1 }],
    ["parallelism=2", { parallelism: 2, period: 1 }],
  ])("%s", async (value, rules) => {
    const headers = { "Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": value };
    const message = await there.waiting(headers);
    const { flowControlKey, parallelism, rate, period } = message;
    const shown = Object.entries({ parallelism, rate, period }).filter(
      ([, one]) => one !== undefined,
    );
    expect([flowControlKey, Object.fromEntries(shown)]).toEqual(["k", rules]);
  });

  test.each([
    "",
    "period=1m",
    "parallelism=0",
    "rate=-1",
    "rate=1.5",
    "rate=1, period=8d",
    "rate=1, period=0",
    "rate=1, burst=2",
    "5",
  ])("%j is 400", async (value) => {
    const headers = { "Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": value };
    const answer = await there.call("POST /v2/publish/https://example.com/", { headers });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("Upstash-Flow-Control-Value");
    expect(await there.get("/v2/flowControl")).toEqual([]);
  });

  test("07 Q47 a period is shown although only parallelism was given, a rate is not", async () => {
    await publishThrough({ parallelism: 2 });
    const { events } = await there.get<{ events: object[] }>("/v2/events");
    expect(events).toMatchObject([{ parallelism: 2, period: 1 }]);
    expect(events[0]).not.toHaveProperty("rate");
  });

  test("the newest message's values become the key's", async () => {
    await publishThrough({ parallelism: 5, rate: 10, period: 60 });
    expect(await there.client.flowControl.get("k")).toMatchObject({
      parallelismMax: 5,
      rateMax: 10,
      ratePeriod: 60,
    });
    await publishThrough({ parallelism: 2 });
    expect(await there.client.flowControl.get("k")).toMatchObject({
      parallelismMax: 2,
      rateMax: 0,
      ratePeriod: 1,
    });
    await publishThrough({ rate: 7 });
    expect(await there.client.flowControl.get("k")).toMatchObject({
      parallelismMax: 0,
      rateMax: 7,
      ratePeriod: 1,
    });
  });
});

describe("01 §7 redaction", () => {
  const secret = "the body";

  test.each<[string, string | undefined, Record<string, string>]>([
    ["body", hash(secret), { "X-One": "1", "X-Two": "2" }],
    ["header", secret, { "X-One": hash("1"), "X-Two": hash("2") }],
    ["headers", secret, { "X-One": hash("1"), "X-Two": hash("2") }],
    ["header[x-one]", secret, { "X-One": hash("1"), "X-Two": "2" }],
    ["headers[X-TWO]", secret, { "X-One": "1", "X-Two": hash("2") }],
    [
      "body, header[X-One] ,headers[X-Two]",
      hash(secret),
      { "X-One": hash("1"), "X-Two": hash("2") },
    ],
  ])("%s hides that and no more, wherever a message is shown", async (fields, body, headers) => {
    there.receiver.reply(() => ({ status: 500 }));
    const url = there.receiver.url;
    const given = {
      "Upstash-Redact-Fields": fields,
      "Upstash-Retries": "0",
      "Upstash-Forward-X-One": "1",
      "Upstash-Forward-X-Two": "2",
    };
    const header = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    );
    const shown = { body, header };
    const delayed = { ...given, "Upstash-Delay": "1h" };
    expect(
      await there.messageOf(
        await there.call(`POST /v2/publish/${url}`, { headers: delayed, body: secret }),
      ),
    ).toMatchObject(shown);

    const answer = await there.call(`POST /v2/publish/${url}`, { headers: given, body: secret });
    const { messageId } = answer.json as { messageId: string };
    for (const event of await there.settled(messageId, "FAILED")) {
      const shownBody = Buffer.from(event.body ?? "", "base64").toString();
      expect({ body: shownBody, header: event.header }).toEqual(shown);
    }
    const { messages } = await there.get<{ messages: { dlqId: string }[] }>("/v2/dlq");
    expect(messages).toMatchObject([shown]);
    expect(await there.get(`/v2/dlq/${messages[0]?.dlqId}`)).toMatchObject(shown);

    await there.call(`POST /v2/schedules/${url}`, {
      headers: { ...given, "Upstash-Cron": "0 0 1 1 *" },
      body: secret,
    });
    const schedules = await there.get<{ scheduleId: string }[]>("/v2/schedules");
    expect(schedules).toMatchObject([shown]);
    expect(await there.get(`/v2/schedules/${schedules[0]?.scheduleId}`)).toMatchObject(shown);

    // What is delivered, first and again from the dead letters, is the original.
    await there.client.dlq.retry(messages[0]?.dlqId ?? "");
    for (const request of await there.receiver.waitFor(2)) {
      expect(String(request.body)).toBe(secret);
      expect(request.headers).toMatchObject({ "x-one": "1", "x-two": "2" });
    }
  });
});

describe("01 §10 publish as a webhook receiver", () => {
  test.each(["POST", "PUT", "PATCH", "DELETE", "GET"])(
    "07 Q15 a third party may send %s with the token in the query",
    async (method) => {
      const query = `${token()}&upstash-retries=3&upstash-header-forward=true&a=1`;
      const request = await arrivalOf(`${method} /v2/publish/$?${query}`, {
        headers: { authorization: "Basic theirs", "X-Hub-Signature": "sig" },
        body: "event",
      });
      expect(request).toMatchObject({
        method: "POST",
        url: expect.stringMatching(/\?a=1$/) as string,
      });
      expect(String(request.body)).toBe("event");
      expect(request.headers).toMatchObject({
        authorization: "Basic theirs",
        "x-hub-signature": "sig",
      });
    },
  );

  test("07 Q15 with the token in a header only POST publishes", async () => {
    const answer = await there.call(`PUT /v2/publish/${there.receiver.url}`);
    expect(answer).toMatchObject({ status: 405, headers: { allow: "POST" } });
  });

  test("a URL group with stored headers is the template of a webhook", async () => {
    await there.client.urlGroups.addEndpoints({
      name: "hooks",
      endpoints: [{ url: `${there.receiver.url}/hook` }],
    });
    const headers = {
      "Upstash-Header-Forward": "true",
      "Upstash-Method": "PUT",
      "Upstash-Forward-X-Template": ["yes"],
    };
    await there.call("PATCH /v2/topics/hooks", { body: JSON.stringify({ headers }) });
    await there.call(`PATCH /v2/publish/hooks?${token()}`, {
      headers: { "X-Event": "push" },
      body: "event",
    });
    const [request] = await there.receiver.waitFor(1);
    expect(request).toMatchObject({
      method: "PUT",
      headers: { "x-event": "push", "x-template": "yes", "upstash-topic-name": "hooks" },
    });
  });
});

describe("01 §11 deprecated LLM surface", () => {
  test("api/llm is 400, with a callback and without", async () => {
    for (const headers of [{}, { "Upstash-Callback": "https://example.com/" }]) {
      const answer = await there.call("POST /v2/publish/api/llm", { headers, body: "{}" });
      expect(answer).toMatchObject({ status: 400 });
      expect(answer.text).toContain("api/llm");
    }
  });

  test("the chat route is 404 as nothing is configured", async () => {
    const answer = await there.call("POST /llm/v1/chat/completions", { body: "{}" });
    expect(answer.status).toBe(404);
  });
});
