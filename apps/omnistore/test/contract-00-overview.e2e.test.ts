import { officialClient, officialReceiver } from "@omnistore/testkit/official-client";
import { Receiver } from "@upstash/qstash";
import { describe, expect, test } from "vitest";

import { protocolRoutes } from "./compatibility/routes.ts";
import { createTenant } from "./tenant.ts";
import { world } from "./world.ts";

const there = world();

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"];

/** What routes that look at the method themselves serve, by the path that is asked. */
const BY_THEMSELVES: Readonly<Record<string, readonly string[]>> = {
  "/v2/publish/https://example.com/": ["POST"],
  "/v2/enqueue/queue/https://example.com/": ["POST"],
  "/v2/schedules/name": ["GET", "POST", "DELETE"],
  "/v2/schedules/name/pause": ["PATCH", "POST"],
  "/v2/schedules/name/resume": ["PATCH", "POST"],
};

/** Every path of the running app with the methods that the table of routes lists for it. */
function methodsByPath(): ReadonlyMap<string, ReadonlySet<string>> {
  const methods = new Map<string, Set<string>>();
  for (const { method, path } of protocolRoutes().filter((route) => route.method !== "*")) {
    const asked = path.replaceAll(/:\w+/g, "name");
    methods.set(asked, (methods.get(asked) ?? new Set()).add(method));
  }
  for (const [path, own] of Object.entries(BY_THEMSELVES)) methods.set(path, new Set(own));
  return methods;
}

const text = (pattern: string | RegExp) => expect.stringMatching(pattern) as string;

describe("00 §1 base URL", () => {
  test("a slash at the end of the base URL or of a collection changes nothing", async () => {
    const client = officialClient(`${there.node.url}/`, there.tenant.token);
    await client.queue({ queueName: "q" }).upsert({});
    const collections = ["queues", "topics", "schedules", "dlq", "events", "logs", "flowControl"];
    for (const name of [...collections, "keys", "globalParallelism"]) {
      expect(await there.get(`/v2/${name}/`), name).toEqual(await there.get(`/v2/${name}`));
    }
    const upsert = await there.call("POST /v2/queues/", { body: '{"queueName":"slash"}' });
    expect(upsert.status).toBe(200);
    const batch = await there.call("POST /v2/batch/", {
      body: JSON.stringify([{ destination: `${there.receiver.url}/batch` }]),
    });
    expect(batch).toMatchObject({ status: 200, json: [{ messageId: text(/^msg_/) }] });
    await there.receiver.waitFor(1);
    expect((await there.get<unknown[]>("/v2/queues")).length).toBe(2);
  });

  test("a destination is delivered and signed as it was spelled, its query in order", async () => {
    const spelled = "/a//b/../c/%2E%2E/%7e;p=1?x=%20y&upstash-retries=0&x=1&&empty&z=%zz";
    const delivered = "/a//b/../c/%2E%2E/%7e;p=1?x=%20y&x=1&&empty&z=%zz";
    const answer = await there.call(`POST /v2/publish/${there.receiver.url}${spelled}`);
    expect(answer.status).toBe(200);
    const [request] = await there.receiver.waitFor(1);
    expect(request?.url).toBe(delivered);
    const { current, next } = there.tenant.signingKeys;
    const receiver = new Receiver({ currentSigningKey: current, nextSigningKey: next });
    const signature = String(request?.headers["upstash-signature"]);
    const url = there.receiver.url + delivered;
    await expect(receiver.verify({ signature, body: "", url })).resolves.toBe(true);
  });

  test("what the client's URL parser leaves of a destination is what arrives; a batch skips it", async () => {
    const url = `${there.receiver.url}/a/../ä b?q=1#gone`;
    await there.client.publish({ url });
    const [first] = await there.receiver.waitFor(1);
    expect(first?.url).toBe("/%C3%A4%20b?q=1");
    await there.client.batch([{ url: `${there.receiver.url}/a/../b?q=ä` }]);
    const [, second] = await there.receiver.waitFor(2);
    expect(second?.url).toBe("/a/../b?q=%C3%A4");
  });

  test("other path parameters are decoded: a blank in a flow-control key", async () => {
    await there.client.flowControl.pause("my key");
    await expect(there.client.flowControl.get("my key")).resolves.toMatchObject({
      flowControlKey: "my key",
      isPaused: true,
    });
  });
});

describe("00 §2 authentication", () => {
  test("the token may stand in the query of any route, and never reaches the destination", async () => {
    const query = `qstash_token=${encodeURIComponent(there.tenant.token)}`;
    for (const path of ["keys", "queues", "events", "dlq", "flowControl", "schedules", "topics"]) {
      expect((await there.call(`GET /v2/${path}?${query}`)).status, path).toBe(200);
    }
    await there.call(`POST /v2/publish/${there.receiver.url}/hook?a=1&${query}&b=2`);
    const [request] = await there.receiver.waitFor(1);
    expect(request?.url).toBe("/hook?a=1&b=2");
    expect(request?.headers).not.toHaveProperty("authorization");
  });

  test("when both are given the header wins", async () => {
    const authorization = `Bearer ${there.tenant.token}`;
    const good = await there.call("GET /v2/keys?qstash_token=wrong", {
      headers: { authorization },
    });
    expect(good.status).toBe(200);
    const query = `qstash_token=${encodeURIComponent(there.tenant.token)}`;
    const bad = await there.call(`GET /v2/keys?${query}`, {
      headers: { authorization: "Bearer wrong" },
    });
    expect(bad.status).toBe(401);
  });

  test("a token is standard base64 of JSON that names its user, as the workflow SDK reads it", async () => {
    for (const token of [there.tenant.token, there.tenant.readonlyToken]) {
      const claims = JSON.parse(atob(token)) as Record<string, unknown>;
      expect(claims["UserID"]).toEqual(text(/./));
    }
  });

  test("no token and a wrong one are 401, a write with a read-only one is 403", async () => {
    const publish = `POST /v2/publish/${there.receiver.url}`;
    const statusWith = async (authorization: string) =>
      (await there.call(publish, { headers: { authorization } })).status;
    expect(await statusWith("")).toBe(401);
    expect(await statusWith("Bearer wrong")).toBe(401);
    expect(await statusWith(`Bearer ${there.tenant.readonlyToken}`)).toBe(403);
    expect(there.receiver.requests).toEqual([]);
  });

  test("every id, name, key and log belongs to one user", async () => {
    const other = await createTenant(there.node, "other");
    const make = (client: typeof there.client) =>
      Promise.all([
        client.publish({ url: "https://example.com/", delay: 60, deduplicationId: "same" }),
        client.queue({ queueName: "same" }).upsert({ parallelism: 2 }),
        client.urlGroups.addEndpoints({
          name: "same",
          endpoints: [{ url: "https://example.com/" }],
        }),
        client.schedules.create({
          destination: "https://example.com/",
          cron: "0 0 1 1 *",
          scheduleId: "same",
        }),
        client.flowControl.pause("same"),
      ]);
    const [mine] = await make(there.client);
    const [theirs] = await make(other.client);
    expect(theirs).toEqual({ messageId: text(/^msg_/) });
    await other.client.queue({ queueName: "same" }).delete();
    await other.client.urlGroups.delete("same");
    await other.client.schedules.delete("same");
    await other.client.flowControl.resume("same");
    await other.client.messages.cancel({ all: true });
    await expect(other.client.messages.get(mine.messageId)).rejects.toMatchObject({ status: 404 });
    expect((await there.client.queue({ queueName: "same" }).get()).parallelism).toBe(2);
    expect(await there.client.urlGroups.list()).toHaveLength(1);
    expect(await there.client.schedules.list()).toHaveLength(1);
    expect((await there.client.flowControl.get("same")).isPaused).toBe(true);
    expect((await there.client.logs()).logs.map(({ messageId }) => messageId)).toEqual([
      mine.messageId,
    ]);
  });
});

describe("00 §3 errors", () => {
  const publish = "POST /v2/publish/";
  const cases: [string, number, string | RegExp, Record<string, string>?][] = [
    [
      `${publish}example.com`,
      400,
      /^invalid destination url: endpoint has invalid scheme, add http:\/\/ or https:\/\/$/,
    ],
    [`${publish}https://example.com`, 400, 'Upstash-Delay "soon"', { "Upstash-Delay": "soon" }],
    ["GET /v2/keys", 401, "Authorization", { authorization: "Bearer nobody" }],
    ["GET /v2/messages/msg_none", 404, '"msg_none"'],
    ["GET /v2/queues/none", 404, '"none"'],
    ["GET /v2/topics/none", 404, '"none"'],
    ["GET /v2/schedules/none", 404, '"none"'],
    ["GET /v2/dlq/none", 404, '"none"'],
    ["GET /v2/flowControl/none", 404, '"none"'],
    ["GET /v2/none", 404, "/v2/none"],
    ["DELETE /v2/dlq?lable=x", 400, "lable=x"],
    ["POST /v2/queues/a%20b/pause", 400, '"a b"'],
    ["POST /v2/queues//pause", 400, "queue name"],
    ["POST /v2/flowControl//pause", 400, "flow-control key"],
    ["PATCH /v2/queues/q", 405, "only GET, DELETE"],
  ];

  test.each(cases)("%s is %s and says %s", async (line, status, says, headers) => {
    const answer = await there.call(line, { headers: headers ?? {} });
    expect(answer).toMatchObject({
      status,
      json: { error: expect.stringMatching(says) as string },
    });
    expect(Object.keys(answer.json as object)).toEqual(["error"]);
    expect(answer.headers["content-type"]).toBe("application/json");
  });

  const allowed = methodsByPath();

  test("the table of routes is not empty, nor are its paths open to every method", () => {
    expect(allowed.size).toBeGreaterThan(30);
    expect([...allowed.values()].filter((methods) => methods.size === METHODS.length)).toEqual([]);
  });

  test.each([...allowed])(
    "%s refuses other methods with 405 and names its own",
    async (path, own) => {
      for (const method of METHODS.filter((each) => !own.has(each))) {
        const answer = await there.call(`${method} ${path}`);
        expect(answer, method).toMatchObject({
          status: 405,
          json: { error: text(`^${method} is not served on `) },
        });
        expect(new Set(String(answer.headers["allow"]).split(", ")), method).toEqual(own);
      }
    },
  );

  test("successes have the status of their kind: 200, 201 and 202", async () => {
    there.receiver.reply(() => ({ status: 500 }));
    const headers = { "Upstash-Retries": "0", "Upstash-Deduplication-Id": "one" };
    const line = `${publish}${there.receiver.url}`;
    const first = await there.call(line, { headers });
    const second = await there.call(line, { headers });
    expect([first.status, second.status]).toEqual([200, 202]);
    await there.settled((first.json as { messageId: string }).messageId, "FAILED");
    const bulk = await there.call("POST /v2/dlq/retry");
    expect(bulk).toMatchObject({ status: 201, json: { responses: [{}] } });
    const [retried] = (bulk.json as { responses: { messageId: string }[] }).responses;
    await there.settled(retried?.messageId ?? "", "FAILED");
    const { messages } = await there.client.dlq.listMessages();
    expect((await there.call(`POST /v2/dlq/retry/${messages[0]?.dlqId}`)).status).toBe(201);
  });

  test("the client's exception is the raw body and the status", async () => {
    await expect(there.client.publish({ url: "example.com" })).rejects.toMatchObject({
      status: 400,
      message:
        '{"error":"invalid destination url: endpoint has invalid scheme, add http:// or https://"}',
    });
  });
});

test("00 §4 no answer talks of rate limits as long as none is hit", async () => {
  const lines = ["GET /v2/events", `POST /v2/publish/${there.receiver.url}`, "GET /v2/none"];
  for (const line of lines) {
    const { headers } = await there.call(line);
    expect(Object.keys(headers).filter((name) => /rate-?limit/i.test(name))).toEqual([]);
  }
});

describe("00 §5 identifiers", () => {
  test("have their prefixes and forms", async () => {
    there.receiver.reply(() => ({ status: 500 }));
    const before = Date.now();
    const { messageId } = await there.client.publish({ url: there.receiver.url, retries: 0 });
    expect(messageId).toMatch(/^msg_[A-Za-z0-9]+$/);
    const { scheduleId } = await there.client.schedules.create({
      destination: "https://example.com/",
      cron: "0 0 1 1 *",
    });
    expect(scheduleId).toMatch(/^scd_[A-Za-z0-9]+$/);
    await there.settled(messageId, "FAILED");
    const { messages } = await there.client.dlq.listMessages();
    const [diedAt, sequence] = messages[0]?.dlqId.split("-") ?? [];
    expect(Math.abs(Number(diedAt) - before)).toBeLessThan(60_000);
    expect(sequence).toMatch(/^[0-9a-z]+$/);
    for (const key of Object.values(await there.get<Record<string, string>>("/v2/keys"))) {
      expect(key).toMatch(/^sig_[A-Za-z0-9]{28}$/);
    }
    const [request] = await there.receiver.waitFor(1);
    const payload = String(request?.headers["upstash-signature"]).split(".")[1] ?? "";
    expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toMatchObject({
      jti: text(/^jwt_./),
    });
  });

  test.each(["a b", "a/b", "ä", "a,b", "a:b"])("%j is no name", async (name) => {
    const path = encodeURIComponent(name);
    const refused = await Promise.all([
      there.call("POST /v2/queues", { body: JSON.stringify({ queueName: name }) }),
      there.call(`POST /v2/enqueue/${path}/https://example.com/`),
      there.call(`POST /v2/topics/${path}/endpoints`, {
        body: JSON.stringify({ endpoints: [{ url: "https://example.com/" }] }),
      }),
      there.call(`POST /v2/schedules/https://example.com/?upstash-schedule-id=${path}`, {
        headers: { "Upstash-Cron": "0 0 1 1 *" },
      }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(await there.get("/v2/queues")).toEqual([]);
  });

  test("letters, digits, dots, hyphens and underscores make a name", async () => {
    const name = "A.z-0_9";
    const { client } = there;
    await client.queue({ queueName: name }).upsert({});
    await client.urlGroups.addEndpoints({ name, endpoints: [{ url: "https://example.com/" }] });
    await client.schedules.create({ destination: name, cron: "0 0 1 1 *", scheduleId: name });
    await expect(client.queue({ queueName: name }).get()).resolves.toMatchObject({ name });
    await expect(client.urlGroups.get(name)).resolves.toMatchObject({ name });
    await expect(client.schedules.get(name)).resolves.toMatchObject({ scheduleId: name });
  });
});

describe("00 §9 header prefixes", () => {
  test("each becomes what the table says, and nothing else of the request is delivered", async () => {
    const { url } = there.receiver;
    there.receiver.reply("/work", () => ({ status: 500 }));
    there.receiver.reply("/callback", () => ({ status: 500 }));
    const answer = await there.call(`POST /v2/publish/${url}/work`, {
      headers: {
        "content-type": "text/odd",
        "X-Dropped": "never",
        Cookie: "never=1",
        "uPSTASH-rETRIES": "0",
        "Upstash-Forward-X-Mine": "one",
        "upstash-forward-upstash-workflow-invoke-count": "7",
        "Upstash-Forward-Content-Type": "text/other",
        "Upstash-Callback": `${url}/callback`,
        "Upstash-Callback-Method": "PUT",
        "Upstash-Callback-Forward-X-Of-Callback": "two",
        "Upstash-Failure-Callback": `${url}/failure`,
        "Upstash-Failure-Callback-Method": "PATCH",
        "Upstash-Failure-Callback-Forward-X-Of-Failure": "three",
        "Upstash-Callback-Failure-Callback": `${url}/nested`,
        "Upstash-Callback-Failure-Callback-Method": "DELETE",
        "Upstash-Callback-Failure-Callback-Forward-X-Nested": "four",
        "Upstash-Telemetry-Sdk": "a, b",
        "Upstash-Telemetry-Platform": "x",
        "Upstash-Telemetry-Framework": "x",
        "Upstash-Telemetry-Runtime": "x",
        "Upstash-Nobody-Knows": "x",
      },
    });
    expect(answer.status, answer.text).toBe(200);
    const [nested] = await there.receiver.waitFor(({ url: path }) => path === "/nested");
    const [failure] = await there.receiver.waitFor(({ url: path }) => path === "/failure");
    const at = (path: string) => there.receiver.requests.find((each) => each.url === path);
    const mine = (path: string) =>
      Object.entries(at(path)?.headers ?? {}).filter(([name]) =>
        /^(x-|cookie|upstash-(workflow|telemetry|nobody|forward|callback|failure|retries))/.test(
          name,
        ),
      );
    expect(at("/work")?.headers["content-type"]).toBe("text/odd");
    expect(mine("/work")).toEqual([
      ["x-mine", "one"],
      ["upstash-workflow-invoke-count", "7"],
    ]);
    expect(at("/callback")?.method).toBe("PUT");
    expect(mine("/callback")).toEqual([["x-of-callback", "two"]]);
    expect(failure?.method).toBe("PATCH");
    expect(mine("/failure")).toEqual([["x-of-failure", "three"]]);
    expect(nested?.method).toBe("DELETE");
    expect(mine("/nested")).toEqual([["x-nested", "four"]]);
  });
});

describe("00 §10 route index", () => {
  const routes: readonly string[] = [
    "POST /v2/publish/x",
    "POST /v2/enqueue/q/x",
    "POST /v2/batch",
    "GET /v2/messages/x",
    "DELETE /v2/messages/x",
    "DELETE /v2/messages?count=0",
    "POST /v2/queues",
    "GET /v2/queues",
    "GET /v2/queues/x",
    "DELETE /v2/queues/x",
    "POST /v2/queues/x/pause",
    "POST /v2/queues/x/resume",
    "POST /v2/schedules/https://example.com",
    "GET /v2/schedules",
    "GET /v2/schedules/x",
    "DELETE /v2/schedules/x",
    "PATCH /v2/schedules/x/pause",
    "POST /v2/schedules/x/pause",
    "PATCH /v2/schedules/x/resume",
    "POST /v2/schedules/x/resume",
    "GET /v2/topics",
    "GET /v2/topics/x",
    "DELETE /v2/topics/x",
    "PATCH /v2/topics/x",
    "POST /v2/topics/x/endpoints",
    "DELETE /v2/topics/x/endpoints",
    "GET /v2/dlq",
    "DELETE /v2/dlq?count=0",
    "GET /v2/dlq/x",
    "DELETE /v2/dlq/x",
    "POST /v2/dlq/retry/x",
    "POST /v2/dlq/retry?count=0",
    "GET /v2/flowControl",
    "GET /v2/flowControl/x",
    "POST /v2/flowControl/x/pause",
    "POST /v2/flowControl/x/resume",
    "POST /v2/flowControl/x/pin",
    "POST /v2/flowControl/x/unpin",
    "POST /v2/flowControl/x/resetRate",
    "POST /v2/flowControl/x/reset",
    "GET /v2/globalParallelism",
    "GET /v2/keys",
    "POST /v2/keys/rotate",
    "GET /v2/events",
    "GET /v2/logs",
    "POST /llm/v1/chat/completions",
  ];

  test.each(routes)("%s is served, in JSON, to whoever has a token", async (line) => {
    const answer = await there.call(line);
    expect([200, 400, 404]).toContain(answer.status);
    expect(answer.json).toBeTypeOf("object");
    expect(answer.text).not.toContain("there is no route");
    const stranger = await there.call(line, { headers: { authorization: "Bearer nobody" } });
    expect(stranger.status).toBe(401);
  });
});

test("05 §2 the official receiver refuses what another tenant's keys signed", async () => {
  await there.client.publish({ url: there.receiver.url, body: "mine" });
  const [request] = await there.receiver.waitFor(1);
  const signature = String(request?.headers["upstash-signature"]);
  await expect(officialReceiver().verify({ signature, body: "mine" })).rejects.toThrow("signature");
});
