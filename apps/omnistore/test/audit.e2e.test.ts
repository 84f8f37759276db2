import { afterAll, beforeAll, expect, test } from "vitest";
import pg from "pg";

import { ask, asOperator } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN } from "./tenant.ts";

let node: RunningNode;
beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
});
afterAll(() => node.stop());

async function newTenant(name: string) {
  const { body } = await asOperator(node, "POST", "/tenants", { name });
  return body as { id: string; token: string; readonlyToken: string };
}

/** Oldest first. */
async function logOf(token: string) {
  const { body } = await ask(node.url, "GET", "/v1/audit", { token });
  return body.entries.toReversed() as {
    at: number;
    action: string;
    query: string;
    outcome: string;
    detail?: string;
    from: string;
    actor: { kind: string; id?: string; name?: string };
  }[];
}

test("every change is told: who, what, when, from where", async () => {
  const { token } = await newTenant("busy");
  const send = (method: string, path: string, body?: unknown) =>
    ask(node.url, method, path, { token, body });
  const began = Date.now();
  const endpoints = { endpoints: [{ url: "http://127.0.0.1:9/" }] };
  const cron = "upstash-cron=0%200%20*%20*%20*&upstash-schedule-id=s";
  const changes = [
    ["POST", "/v1/tokens", { name: "ci", role: "full" }],
    ["POST", "/v1/keys/rotate"],
    ["POST", "/v2/keys/rotate"],
    ["POST", "/v2/topics/t/endpoints", endpoints],
    ["DELETE", "/v2/topics/t"],
    ["POST", "/v2/queues", { queueName: "q" }],
    ["DELETE", "/v2/queues/q"],
    ["POST", "/v2/flowControl/k/pause"],
    ["POST", `/v2/schedules/http://127.0.0.1:9/?${cron}`, {}],
    ["DELETE", "/v2/schedules/s"],
    ["POST", `/v2/publish/http://127.0.0.1:9/?${cron}2`, {}],
    ["DELETE", "/v2/messages?label=old"],
    ["DELETE", "/v2/dlq?responseStatus=500"],
  ] as const;
  for (const [method, path, body] of changes) {
    const { status } = await send(method, path, body);
    expect([200, 201], `${method} ${path}`).toContain(status);
  }
  const entries = await logOf(token);
  expect(entries.map(({ action, query }) => action + (query && `?${query}`))).toEqual(
    changes.map(([method, path]) => `${method} ${path}`),
  );
  const details = Object.fromEntries(entries.map(({ action, detail }) => [action, detail]));
  expect(details).toMatchObject({
    "POST /v1/tokens": expect.stringMatching(/^token [0-9a-f-]{36}, full$/),
    "POST /v2/topics/t/endpoints": "http://127.0.0.1:9/",
    "POST /v2/queues": '{"name":"q","parallelism":1}',
    "POST /v2/schedules/http://127.0.0.1:9/": "schedule s",
    "DELETE /v2/messages": "0 cancelled",
    "DELETE /v2/queues/q": undefined,
  });
  for (const { actor, at, from, outcome } of entries) {
    expect(actor).toMatchObject({ kind: "token", name: "default" });
    expect(at).toBeGreaterThan(began - 1_000);
    expect(from).toMatch(/127\.0\.0\.1$/);
    expect(outcome).toBe("done");
  }
});

test("looking, sending and being refused leave no entry, and no entry holds a token", async () => {
  const { token, readonlyToken } = await newTenant("quiet");
  const send = (method: string, path: string, bearer = token) =>
    ask(node.url, method, path, { token: bearer, body: {} });
  expect((await ask(node.url, "GET", "/v2/queues", { token })).status).toBe(200);
  expect((await send("POST", "/v2/publish/http://127.0.0.1:9/")).status).toBe(200);
  expect((await send("DELETE", "/v2/topics/none")).status).toBe(404);
  expect((await send("POST", "/v2/queues")).status).toBe(400);
  expect((await send("POST", "/v1/keys/rotate", readonlyToken)).status).toBe(403);
  expect(await logOf(token)).toEqual([]);
  const inUrl = `/v2/messages?label=x&QSTASH%5FTOKEN=${encodeURIComponent(token)}`;
  expect((await fetch(node.url + inUrl, { method: "DELETE" })).status).toBe(200);
  const [entry] = await logOf(token);
  expect(entry).toMatchObject({ action: "DELETE /v2/messages", query: "label=x" });
});

test("no entry holds what a schedule keeps sealed", async () => {
  const { token } = await newTenant("sealed");
  const secrets = [
    "Upstash-Forward-Authorization=Bearer%20canary-1",
    "upstash-callback=http://127.0.0.1:9/canary-2",
    "upstash%2Dcallback-forward-x=canary-3",
    "upstash-failure-callback=http://127.0.0.1:9/canary-4",
    "upstash-failure-callback-forward-x=canary-5",
  ].join("&");
  for (const route of ["schedules", "publish"]) {
    const path = `/v2/${route}/http://127.0.0.1:9/?upstash-cron=0%200%20*%20*%20*&${secrets}`;
    expect((await ask(node.url, "POST", path, { token, body: {} })).status, route).toBe(200);
  }
  const entries = await logOf(token);
  expect(entries).toHaveLength(2);
  expect(JSON.stringify(entries)).not.toContain("canary");
  expect(entries[0]?.query).toBe(
    "upstash-cron=0%200%20*%20*%20*&Upstash-Forward-Authorization=REDACTED&upstash-callback=REDACTED&upstash%2Dcallback-forward-x=REDACTED&upstash-failure-callback=REDACTED&upstash-failure-callback-forward-x=REDACTED",
  );
});

test("the operator reads what he and the tenant did; what has no tenant is in his own log", async () => {
  const { id, token } = await newTenant("watched");
  await asOperator(node, "PUT", `/tenants/${id}/plan`, { plan: "free" });
  const { body: issued } = await asOperator(node, "POST", `/tenants/${id}/tokens`, {
    name: "x",
    role: "full",
  });
  await ask(node.url, "DELETE", `/v1/tokens/${issued.id}`, { token });
  const { body: first } = await asOperator(node, "GET", `/tenants/${id}/audit?count=2`);
  const { body: rest } = await asOperator(
    node,
    "GET",
    `/tenants/${id}/audit?count=2&cursor=${first.cursor}`,
  );
  const all = [...first.entries, ...rest.entries].map(({ actor, action }) => [actor.kind, action]);
  expect(first.entries[1].detail).toBe(`token ${issued.id}, full`);
  expect(rest.entries[0].detail).toBe('{"plan":"free"}');
  expect(all).toEqual([
    ["token", `DELETE /v1/tokens/${issued.id}`],
    ["operator", `POST /admin/v1/tenants/${id}/tokens`],
    ["operator", `PUT /admin/v1/tenants/${id}/plan`],
  ]);
  expect(rest).not.toHaveProperty("cursor");
  await asOperator(node, "DELETE", `/tenants/${id}`);
  const { body: own } = await asOperator(node, "GET", "/audit?count=100");
  expect(own.entries[0]).toMatchObject({ action: `DELETE /admin/v1/tenants/${id}` });
  expect(own.entries).toContainEqual(
    expect.objectContaining({ action: "POST /admin/v1/tenants", detail: `tenant ${id}` }),
  );
  expect((await asOperator(node, "GET", "/audit?cursor=nonsense")).status).toBe(400);
});

test("a change is not made when its entry cannot be written", async () => {
  const { token } = await newTenant("unlogged");
  const client = new pg.Client({ connectionString: node.databaseUrl });
  await client.connect();
  await client.query("ALTER TABLE audit_log ADD CONSTRAINT closed CHECK (false) NOT VALID");
  const refused = await ask(node.url, "POST", "/v2/queues", { token, body: { queueName: "q" } });
  const keys = await ask(node.url, "POST", "/v1/keys/rotate", { token });
  await client.query("ALTER TABLE audit_log DROP CONSTRAINT closed");
  await client.end();
  expect([refused.status, keys.status]).toEqual([500, 500]);
  expect((await ask(node.url, "GET", "/v2/queues", { token })).body).toEqual([]);
});
