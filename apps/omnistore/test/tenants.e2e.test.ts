import { setTimeout as sleep } from "node:timers/promises";

import { startReceiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ask, asOperator } from "./operator.ts";
import { rawCall } from "./raw-call.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { startSecondApi } from "./second-api.ts";
import { ADMIN_TOKEN } from "./tenant.ts";

let node: RunningNode;
/** A second api process's worth of caches, on the same database. */
let second: { readonly url: string; stop(): Promise<void> };

beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  second = await startSecondApi(node, { OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
});
afterAll(async () => {
  await second.stop();
  await node.stop();
});

const publish = (url: string, token: string) =>
  ask(url, "POST", "/v2/publish/http://127.0.0.1:9/", { token, body: {} });

async function newTenant(name: string) {
  const { status, body } = await asOperator(node, "POST", "/tenants", { name });
  expect(status).toBe(201);
  return body as { id: string; token: string; readonlyToken: string };
}

test("secrets are told once, and nothing that is read later holds them", async () => {
  const { status, body } = await asOperator(node, "POST", "/tenants", { name: "x", plan: "free" });
  expect(status).toBe(201);
  expect(body).toEqual({
    id: expect.any(String),
    name: "x",
    plan: "free",
    token: expect.any(String),
    readonlyToken: expect.any(String),
    signingKeys: { current: expect.any(String), next: expect.any(String) },
  });
  const claims = JSON.parse(Buffer.from(body.token, "base64").toString()) as Record<string, string>;
  expect(claims["UserID"]).toBe(body.id);
  expect(claims["Password"]).toMatch(/^omnistore_[\w-]{43}$/);
  const { body: tenant } = await asOperator(node, "GET", `/tenants/${body.id}`);
  expect(tenant).toMatchObject({ id: body.id, status: "active", plan: "free" });
  const { body: listed } = await asOperator(node, "GET", `/tenants/${body.id}/tokens`);
  expect(listed.tokens).toHaveLength(2);
  const { prefix } = listed.tokens.find(({ role }: { role: string }) => role === "full");
  expect(claims["Password"]?.startsWith(prefix)).toBe(true);
  expect(prefix).toMatch(/^omnistore_.{6}$/);
  const told = JSON.stringify([tenant, listed]);
  for (const secret of [claims["Password"], body.signingKeys.current]) {
    expect(told).not.toContain(secret);
  }
});

test("the list of tenants is read page by page, each tenant once", async () => {
  const made = new Set<string>();
  for (const name of ["one", "two", "three"]) made.add((await newTenant(name)).id);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const query: string = cursor === undefined ? "?count=2" : `?count=2&cursor=${cursor}`;
    const { body } = await asOperator(node, "GET", `/tenants${query}`);
    expect(body.tenants.length).toBeLessThanOrEqual(2);
    seen.push(...body.tenants.map(({ id }: { id: string }) => id));
    cursor = body.cursor;
  } while (cursor !== undefined);
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toEqual(expect.arrayContaining([...made]));
  expect((await asOperator(node, "GET", "/tenants?cursor=nonsense")).status).toBe(400);
  expect((await asOperator(node, "GET", "/tenants?count=101")).body.error).toContain('"101"');
});

test("a publish token sends messages and does nothing else", async () => {
  const { id, token } = await newTenant("edge");
  const { body: issued } = await asOperator(node, "POST", `/tenants/${id}/tokens`, {
    name: "edge function",
    role: "publish",
  });
  expect((await publish(node.url, issued.token)).status).toBe(200);
  const asEdge = (method: string, path: string, body?: unknown) =>
    ask(node.url, method, path, { token: issued.token, body });
  const batch = [{ destination: "http://127.0.0.1:9/" }];
  expect((await asEdge("POST", "/v2/batch", batch)).status).toBe(200);
  expect((await asEdge("POST", "/v2/enqueue/q/http://127.0.0.1:9/", {})).status).toBe(200);
  for (const path of ["/v2/logs", "/v2/keys", "/v1/tokens", "/v1/limits"]) {
    expect((await asEdge("GET", path)).status).toBe(403);
  }
  expect((await asEdge("POST", "/v2/queues", { queueName: "q" })).status).toBe(403);
  const scheduled = await asEdge(
    "POST",
    "/v2/publish/http://127.0.0.1:9/?upstash-cron=0%200%20*%20*%20*",
  );
  expect(scheduled.status).toBe(403);
  expect((await ask(node.url, "GET", "/v2/schedules", { token })).body).toEqual([]);
});

test("a read-only token sees signing keys as hashes only", async () => {
  const { token, readonlyToken } = await newTenant("auditor");
  for (const path of ["/v2/keys", "/v1/keys"]) {
    const { body: keys } = await ask(node.url, "GET", path, { token });
    const { body: shown } = await ask(node.url, "GET", path, { token: readonlyToken });
    expect(keys.current).toMatch(/^sig_/);
    expect(shown.current).toMatch(/^REDACTED:[0-9a-f]{64}$/);
    expect(JSON.stringify(shown)).not.toContain(keys.next);
  }
});

test("a revoked token is refused by every process within a second, which remembered it", async () => {
  const { id, token } = await newTenant("revokes");
  const { body: issued } = await ask(node.url, "POST", "/v1/tokens", {
    token,
    body: { name: "short-lived", role: "full" },
  });
  for (const { url } of [node, second]) expect((await publish(url, issued.token)).status).toBe(200);
  const revoked = performance.now();
  const path = `/tenants/${id}/tokens/${issued.id}`;
  expect((await asOperator(node, "DELETE", path)).status).toBe(200);
  expect((await publish(node.url, issued.token)).status).toBe(401);
  await until(async () => (await publish(second.url, issued.token)).status === 401);
  expect(performance.now() - revoked).toBeLessThan(1_000);
  expect((await asOperator(node, "DELETE", path)).status).toBe(404);
});

test("a rotated token works beside the new one until the overlap ends", async () => {
  const { token } = await newTenant("rotates");
  const asTenant = (method: string, path: string, body?: unknown) =>
    ask(node.url, method, path, { token, body });
  const { body: old } = await asTenant("POST", "/v1/tokens", { name: "worker", role: "publish" });
  const rotated = await asTenant("POST", `/v1/tokens/${old.id}/rotate`, { overlapSeconds: 2 });
  expect(rotated.status).toBe(201);
  expect((await publish(node.url, old.token)).status).toBe(200);
  expect((await publish(node.url, rotated.body.token)).status).toBe(200);
  await until(async () => (await publish(node.url, old.token)).status === 401);
  expect((await publish(node.url, rotated.body.token)).status).toBe(200);
  const { body } = await asTenant("GET", "/v1/tokens");
  const named = body.tokens.filter(({ name }: { name: string }) => name === "worker");
  expect(named).toMatchObject([{ role: "publish" }, { role: "publish", expiresAt: null }]);
  expect((await asTenant("POST", `/v1/tokens/${old.id}/rotate`)).status).toBe(404);
});

test("a rotated token ends no later than the one in whose place it is; without overlap that ends at once", async () => {
  const { token } = await newTenant("rotates for a time");
  const asTenant = (method: string, path: string, body?: unknown) =>
    ask(node.url, method, path, { token, body });
  const expiresAt = Date.now() + 3_600_000;
  const given = { name: "worker", role: "publish", expiresAt };
  const { body: old } = await asTenant("POST", "/v1/tokens", given);
  expect((await publish(second.url, old.token)).status).toBe(200);
  await asTenant("POST", `/v1/tokens/${old.id}/rotate`, { overlapSeconds: 0 });
  await until(async () => (await publish(second.url, old.token)).status === 401, 500);
  const { body } = await asTenant("GET", "/v1/tokens");
  const named = body.tokens.filter(({ name }: { name: string }) => name === "worker");
  expect(named[1]).toMatchObject({ role: "publish", expiresAt });
});

test("a rotation of signing keys takes no body", async () => {
  const { token } = await newTenant("rotates keys");
  const rotate = (body: unknown) => ask(node.url, "POST", "/v1/keys/rotate", { token, body });
  expect((await rotate({ overlapSeconds: 5 })).status).toBe(400);
  expect((await rotate([])).status).toBe(400);
  expect((await rotate({})).status).toBe(200);
});

test("a token is refused from the moment that it expires", async () => {
  const { token } = await newTenant("expires");
  const expiresAt = Date.now() + 1_500;
  const { body } = await ask(node.url, "POST", "/v1/tokens", {
    token,
    body: { name: "brief", role: "full", expiresAt },
  });
  expect((await publish(node.url, body.token)).status).toBe(200);
  await until(async () => (await publish(node.url, body.token)).status === 401);
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt - 50);
});

/** Asks for one token with this expiry at the tenant's API, and for one at the operator's. */
const issue = (id: string, token: string, expiresAt: unknown) => {
  const body = { name: "odd", role: "full", expiresAt };
  return Promise.all([
    ask(node.url, "POST", "/v1/tokens", { token, body }),
    asOperator(node, "POST", `/tenants/${id}/tokens`, body),
  ]);
};

describe("the expiry of a token", () => {
  test("is later than now and has its offset, or nothing is issued", async () => {
    const { id, token } = await newTenant("odd-expiry");
    const past = Date.now() - 60_000;
    const refused = [
      [past, String(past)],
      [new Date(past).toISOString(), String(past)],
      [Math.floor(Date.now() / 1_000) + 3_600, "1970-01-"],
      [8.64e15, "8640000000000000"],
      ["+275760-09-13T00:00:00Z", '"+275760-09-13T00:00:00Z"'],
      ["9999-06-01T00:00:00Z", '"9999-06-01T00:00:00Z"'],
      ["2030-01-01T00:00:00", '"2030-01-01T00:00:00"'],
      ["2030-02-30T00:00:00Z", '"2030-02-30T00:00:00Z"'],
      ["2030-01-01", '"2030-01-01"'],
      ["soon", '"soon"'],
      [null, "null"],
      [0, "0"],
      [-1, "-1"],
    ] as const;
    for (const [expiresAt, shown] of refused) {
      for (const { status, body } of await issue(id, token, expiresAt)) {
        expect([expiresAt, status]).toEqual([expiresAt, 400]);
        expect(body.error).toMatch(/^expiresAt .*must be /);
        expect(body.error).toContain(shown);
      }
    }
    const { body } = await ask(node.url, "GET", "/v1/tokens", { token });
    expect(body.tokens.filter(({ name }: { name: string }) => name === "odd")).toEqual([]);
  });

  test("is one moment, whatever its offset", async () => {
    const { id, token } = await newTenant("far-expiry");
    for (const text of ["2031-01-01T02:00:00+02:00", "2031-01-01T00:00Z"]) {
      for (const { status } of await issue(id, token, text))
        expect([text, status]).toEqual([text, 201]);
    }
    const { body } = await ask(node.url, "GET", "/v1/tokens", { token });
    const odd = body.tokens.filter(({ name }: { name: string }) => name === "odd");
    const expiresAt = Date.UTC(2031, 0);
    expect(odd).toMatchObject(Array.from({ length: 4 }, () => ({ expiresAt })));
  });
});

test("a suspended tenant is told so, by every process, and goes on when it is resumed", async () => {
  const { id, token, readonlyToken } = await newTenant("suspended");
  expect((await publish(second.url, token)).status).toBe(200);
  const suspended = await asOperator(node, "POST", `/tenants/${id}/suspend`);
  expect(suspended.body.status).toBe("suspended");
  await until(async () => (await publish(second.url, token)).status === 403);
  const refused = await ask(node.url, "GET", "/v2/logs", { token: readonlyToken });
  expect(refused).toMatchObject({ status: 403, body: { error: expect.stringMatching(/suspend/) } });
  await asOperator(node, "POST", `/tenants/${id}/resume`);
  await until(async () => (await publish(second.url, token)).status === 200);
});

test("the plan and limits of a tenant can be changed, within what the service can do", async () => {
  const { id, token } = await newTenant("grows");
  const limits = { topics: 7, messagesPerDay: null };
  const changed = await asOperator(node, "PUT", `/tenants/${id}/plan`, { plan: "free", limits });
  expect(changed.body).toMatchObject({ plan: "free", limits: { ...limits, queues: 10 } });
  await until(async () => {
    const { body } = await ask(second.url, "GET", "/v1/limits", { token });
    return body.plan === "free" && body.limits.topics === 7;
  });
  for (const wrong of [{ topics: 100_000 }, { topics: null }, { topics: 0 }, { nonsense: 1 }]) {
    const answer = await asOperator(node, "PUT", `/tenants/${id}/plan`, { limits: wrong });
    expect(answer.status).toBe(400);
    expect(answer.body.error).toContain(Object.keys(wrong)[0]);
  }
  expect((await asOperator(node, "PUT", `/tenants/${id}/plan`, { plan: "gold" })).status).toBe(400);
});

test("what is no tenant, no token and no field is refused in words", async () => {
  const nobody = "01980000-0000-7000-8000-000000000000";
  for (const id of [nobody, "x", "%00"]) {
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/suspend"],
      ["POST", "/resume"],
      ["PUT", "/plan"],
      ["GET", "/tokens"],
      ["DELETE", `/tokens/${nobody}`],
    ] as const) {
      expect(await asOperator(node, method, `/tenants/${id}${path}`)).toMatchObject({
        status: 404,
        body: { error: expect.stringContaining("not found") },
      });
    }
  }
  for (const body of [
    {},
    { name: "" },
    { name: "a\u0000b" },
    { name: "\ud800" },
    { name: "x", plan: "gold" },
    [],
    7,
  ]) {
    expect((await asOperator(node, "POST", "/tenants", body)).status).toBe(400);
  }
  expect((await asOperator(node, "GET", "/nothing")).status).toBe(404);
  expect((await ask(node.url, "GET", "/admin/v1/tenants", { token: "wrong" })).status).toBe(401);
});

test("a name that no field has, or that is there twice, is refused in words that name it", async () => {
  const { id, token } = await newTenant("spelled");
  const before = await asOperator(node, "GET", `/tenants/${id}`);
  const tokensBefore = await asOperator(node, "GET", `/tenants/${id}/tokens`);
  const tenant = `/admin/v1/tenants/${id}`;
  const cases = [
    ["POST /admin/v1/tenants", '{"name":"a","name":"b"}', 'the body has "name" twice'],
    ["POST /admin/v1/tenants", '{"name":"a","n\\u0061me":"b"}', 'the body has "name" twice'],
    ["POST /admin/v1/tenants", '{"name":"a","colour":"red"}', "colour"],
    [`PUT ${tenant}/plan`, '{"plan":"free","plan":"free"}', 'the body has "plan" twice'],
    [`PUT ${tenant}/plan`, '{"limits":{"topics":1,"topics":2}}', 'the body has "topics" twice'],
    [`PUT ${tenant}/plan`, '{"limits":{"colour":1}}', "colour"],
    [`POST ${tenant}/tokens`, '{"name":"a","role":"full","role":"publish"}', '"role" twice'],
    [`POST ${tenant}/tokens`, '{"name":"a","role":"full","expires":1}', "expires"],
    ["POST /v1/tokens", '{"name":"a","role":"publish","role":"full"}', '"role" twice'],
    ["GET /admin/v1/tenants?count=1&count=2", "", 'count was given twice: "1" and "2"'],
    ["GET /admin/v1/tenants?colour=red", "", "colour"],
    ["GET /v1/usage?format=csv&format=json", "", 'format was given twice: "csv" and "json"'],
  ] as const;
  for (const [line, body, says] of cases) {
    const bearer = line.includes(" /v1/") ? token : ADMIN_TOKEN;
    const headers = { authorization: `Bearer ${bearer}` };
    const { status, json } = await rawCall(node.url, line, { headers, body });
    expect([status, json], `${line} ${body}`).toEqual([
      400,
      { error: expect.stringContaining(says) as string },
    ]);
  }
  expect((await asOperator(node, "GET", `/tenants/${id}`)).body).toEqual(before.body);
  const { body: tokens } = await asOperator(node, "GET", `/tenants/${id}/tokens`);
  expect(tokens.tokens).toHaveLength(tokensBefore.body.tokens.length);
});

test("the last use of a token is noted, without a write for each request", async () => {
  const { id, token } = await newTenant("used");
  for (let times = 0; times < 5; times += 1) await publish(node.url, token);
  await until(async () => {
    const { body } = await asOperator(node, "GET", `/tenants/${id}/tokens`);
    const lastUse = (role: string) =>
      body.tokens.find((each: { role: string }) => each.role === role).lastUsedAt;
    expect(lastUse("readonly")).toBeNull();
    return Math.abs(Date.now() - lastUse("full")) < 60_000;
  }, 20_000);
});

test("a deleted tenant is closed at once, and then everything of it is gone", async () => {
  const { id, token } = await newTenant("leaves");
  for (let times = 0; times < 3; times += 1) await publish(node.url, token);
  await ask(node.url, "POST", "/v2/queues", { token, body: { queueName: "q" } });
  const deleting = await asOperator(node, "DELETE", `/tenants/${id}`);
  expect(deleting).toMatchObject({ status: 202, body: { status: "deleting" } });
  expect((await publish(node.url, token)).status).toBe(403);
  await until(async () => {
    const { status, body } = await asOperator(node, "GET", `/tenants/${id}`);
    if (status === 200) expect(body.deletedRows).toBeDefined();
    return status === 404;
  }, 150_000);
  await sleep(1_000);
  expect((await publish(node.url, token)).status).toBe(401);
}, 180_000);

test("a deleted tenant sends nothing more, and is not changed any more", async () => {
  const receiver = await startReceiver();
  const { id, token } = await newTenant("falls silent");
  const soon = `/v2/publish/${receiver.url}/?upstash-delay=2s`;
  for (let times = 0; times < 5; times += 1) {
    expect((await ask(node.url, "POST", soon, { token, body: {} })).status).toBe(200);
  }
  const every = `/v2/schedules/${receiver.url}/?upstash-cron=*%20*%20*%20*%20*`;
  expect((await ask(node.url, "POST", every, { token, body: {} })).status).toBe(200);
  const { body } = await asOperator(node, "DELETE", `/tenants/${id}`);
  expect(body.deletedRows).toEqual({ schedules: 1, deliveries: 5 });
  for (const [method, path, change] of [
    ["POST", "suspend"],
    ["POST", "resume"],
    ["PUT", "plan", { plan: "free" }],
    ["PUT", "plan", {}],
    ["POST", "tokens", { name: "x", role: "full" }],
  ] as const) {
    const answer = await asOperator(node, method, `/tenants/${id}/${path}`, change);
    expect([path, answer.status]).toEqual([path, 404]);
    expect(answer.body.error).toContain("or being deleted");
  }
  await sleep(3_500);
  expect(receiver.requests).toHaveLength(0);
  await receiver.close();
});

test("the operator's API answers under its own name only, or a proxy that closes /admin is passed by", async () => {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const open = ["/admin/v1/tenants", "http://127.0.0.1/admin/v1/tenants"];
  const closed = [
    "/v2/../admin/v1/tenants",
    "/v2/%2e%2e/admin/v1/tenants",
    "/v2/publish/../../admin/v1/tenants",
    "/%61dmin/v1/tenants",
    "/./admin/v1/tenants",
  ];
  for (const target of open) {
    const host = target.startsWith("http") ? { host: "127.0.0.1" } : {};
    const { status } = await rawCall(node.url, `GET ${target}`, {
      headers: { ...headers, ...host },
    });
    expect([target, status]).toEqual([target, 200]);
  }
  for (const target of closed) {
    const { status, text } = await rawCall(node.url, `GET ${target}`, { headers });
    expect([target, status]).toEqual([target, 404]);
    expect(text).toContain("there is no route GET");
  }
});
