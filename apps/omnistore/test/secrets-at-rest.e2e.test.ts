import { createHash, randomBytes } from "node:crypto";

import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";
import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

import { rawCall, type CallOptions } from "./raw-call.ts";

/** Every secret that was given or told, by what it is. */
const canaries = new Map<string, string>();
function canary(name: string): string {
  const text = `canary-${name}-${randomBytes(12).toString("hex")}`;
  canaries.set(name, text);
  return text;
}

const adminToken = canary("admin-token");
const encryptionKey = randomBytes(32).toString("base64");
/** Not secret: what the guide says is stored in clear. It shows that the search finds what is there. */
const shown = `shown-${randomBytes(12).toString("hex")}`;

let database: FreshDatabase;
let receiver: Receiver;
let service: RunningProcess;
let url: string;
const refusals: string[] = [];

beforeAll(async () => {
  [database, receiver] = await Promise.all([freshDatabase(), startReceiver()]);
  const env = {
    DATABASE_URL: database.url,
    PORT: "0",
    HOST: "127.0.0.1",
    LOG_LEVEL: "trace",
    OMNISTORE_MODE: "hosted",
    OMNISTORE_ADMIN_TOKEN: adminToken,
    OMNISTORE_ENCRYPTION_KEY: encryptionKey,
    OMNISTORE_ALLOW_NETWORKS: "127.0.0.1/32",
  };
  service = startProcess("apps/omnistore/src/main.ts", env, ["start"]);
  const line = await service.line("the api is listening");
  url = `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}`;
});
afterAll(async () => {
  await service.end("SIGKILL");
  await receiver.close();
  await database.drop();
});

/** Sends it with this bearer token, and expects that answer; what is refused is kept. */
async function send(token: string, line: string, status: number, options: CallOptions = {}) {
  const headers = { authorization: `Bearer ${token}`, ...options.headers };
  const answer = await rawCall(url, line, { ...options, headers });
  expect([answer.status, answer.text]).toEqual([status, expect.any(String)]);
  if (status >= 400) refusals.push(answer.text);
  return answer.json;
}

interface MadeTenant {
  readonly token: string;
  readonly readonlyToken: string;
  readonly signingKeys: { readonly current: string; readonly next: string };
}

/** A tenant, and all secrets that the service ever tells it. */
async function newTenant(): Promise<string> {
  const body = JSON.stringify({ name: "acme" });
  const made = (await send(adminToken, "POST /admin/v1/tenants", 201, { body })) as MadeTenant;
  const { token, readonlyToken, signingKeys } = made;
  const rotated = await send(token, "POST /v1/keys/rotate", 200);
  const more = JSON.stringify({ name: "more", role: "publish" });
  const issued = await send(token, "POST /v1/tokens", 201, { body: more });
  const { token: publishToken } = issued as { token: string };
  const { next } = rotated as MadeTenant["signingKeys"];
  const told = { token, readonlyToken, publishToken, ...signingKeys, rotated: next };
  for (const [name, secret] of Object.entries(told)) canaries.set(name, secret);
  for (const name of ["token", "readonlyToken", "publishToken"] as const) {
    const [inside = ""] = /omnistore_[\w-]{43}/.exec(atob(told[name])) ?? [];
    expect(inside).not.toBe("");
    canaries.set(`inside ${name}`, inside);
  }
  return token;
}

/** A message, schedule or topic that has secrets wherever one can be put. */
async function sendEverything(token: string): Promise<void> {
  const secret = (name: string) => ({ "Upstash-Forward-X-Secret": canary(`${name}-header`) });
  const target = `${receiver.url}/${shown}`;
  await send(token, `POST /v2/publish/${target}`, 200, {
    body: canary("body"),
    headers: {
      ...secret("message"),
      "Upstash-Deduplication-Id": canary("deduplication-id"),
      "Upstash-Callback": `${receiver.url}/callback`,
      "Upstash-Callback-Forward-X-Secret": canary("callback-header"),
      "Upstash-Failure-Callback": `${receiver.url}/?key=${canary("failure-callback-url")}`,
      "Upstash-Failure-Callback-Forward-X-Secret": canary("failure-callback-header"),
    },
  });
  await send(token, `POST /v2/publish/${receiver.url}/dead`, 200, {
    body: canary("dead-body"),
    headers: { ...secret("dead"), "Upstash-Retries": "0" },
  });
  await send(token, `POST /v2/publish/${target}`, 200, {
    body: canary("waiting-body"),
    headers: {
      "Upstash-Delay": "1h",
      "Upstash-Callback": `${receiver.url}/?key=${canary("callback-url")}`,
    },
  });
  await send(token, `POST /v2/schedules/${target}`, 200, {
    body: canary("schedule-body"),
    headers: {
      ...secret("schedule"),
      "Upstash-Cron": "0 0 1 1 *",
      "Upstash-Callback": `${receiver.url}/?key=${canary("schedule-callback-url")}`,
      "Upstash-Callback-Forward-X-Secret": canary("schedule-callback-header"),
    },
  });
  const endpoints = JSON.stringify({ endpoints: [{ url: `${target}/endpoint` }] });
  await send(token, "POST /v2/topics/t/endpoints", 200, { body: endpoints });
  const headers = JSON.stringify({ headers: { "X-Secret": canary("topic-header") } });
  await send(token, "PATCH /v2/topics/t", 200, { body: headers });
  await send(token, "POST /v2/publish/t", 200, { body: canary("topic-body") });
}

/** Requests that are refused, each with a secret that is not what is wrong with it. */
async function beRefused(token: string): Promise<void> {
  const headers = { "Upstash-Forward-X-Secret": canary("refused-header") };
  const secrets = { headers, body: canary("refused-body") };
  const publish = `POST /v2/publish/${receiver.url}/refused`;
  await send(canary("wrong-token"), publish, 401, secrets);
  await send(canary("wrong-console-token"), "GET /v1/keys", 401);
  await send(canary("wrong-admin-token"), "GET /admin/v1/tenants", 401);
  await send(token, "GET /admin/v1/tenants", 401);
  await send(adminToken, publish, 401, secrets);
  await send(token, publish, 400, {
    ...secrets,
    headers: { ...headers, "Upstash-Retries": "many" },
  });
  await send(token, "POST /v2/publish/none", 400, secrets);
  await send(token, "GET /v1/nothing", 404);
  const topic = JSON.stringify({ headers: { "a b": canary("refused-topic-header") } });
  await send(token, "PATCH /v2/topics/t", 400, { body: topic });
  for (const name of ["token", "qstash-token"]) {
    await send(token, `DELETE /v2/messages?${name}=${token}`, 400);
  }
  const elsewhere = `GET http://elsewhere.example/v2/keys?qstash%5Ftoken=${token}`;
  await send(token, elsewhere, 400);
  const queue = JSON.stringify({ queueName: { in: token } });
  await send(token, "POST /v2/queues", 400, { body: queue });
  await send(token, "POST /v1/tokens", 400, { body: JSON.stringify({ name: { in: token } }) });
}

/** Every row of every table, of whatever schema: bytes as Postgres writes them, in hex. */
async function dump(client: pg.Client): Promise<ReadonlyMap<string, string>> {
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c
     WHERE c.relkind = 'r' AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
       AND c.relpersistence <> 't' AND c.relnamespace <> 'pg_toast'::regnamespace`,
  );
  const texts = new Map<string, string>();
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    texts.set(name, rows.map(({ row }) => row).join("\n"));
  }
  return texts;
}

/** Ways in which a secret could stand in a text: as it is, as bytes in hex, inside of base64. */
function spellings(secret: string | Buffer): readonly string[] {
  const bytes = Buffer.from(secret);
  // Without the ends, which depend on what stands beside it.
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .slice(4, -4),
  );
  return [...(typeof secret === "string" ? [secret] : []), bytes.toString("hex"), ...base64];
}

const holds = (text: string, secret: string | Buffer) =>
  spellings(secret).some((spelling) => text.includes(spelling));

/** What a receiver answers. */
const answer = (status: number, name: string) => ({
  status,
  headers: { "Set-Cookie": canary(`${name}-header`) },
  body: canary(`${name}-body`),
});

test("no secret stands in any table, in the log or in a refusal", async () => {
  const [taken, failed] = [answer(200, "answer"), answer(500, "dead-answer")];
  receiver.reply(() => taken);
  receiver.reply("/dead", () => failed);
  const token = await newTenant();
  await sendEverything(token);
  await beRefused(token);
  await receiver.waitFor(({ url: path }) => path === "/callback");
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  // One waits for an hour; all others, the callback and the topic's among them, are done.
  await until(async () => {
    const { rows } = await client.query("SELECT FROM deliveries");
    return rows.length === 1;
  });
  const tables = await dump(client);
  await client.end();

  const inTables = (secret: string | Buffer) =>
    [...tables].flatMap(([name, text]) => (holds(text, secret) ? [name] : []));
  // What is there is found, as text and as bytes.
  expect(inTables(shown)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^messages/), "schedules", "topic_endpoints"]),
  );
  expect(inTables(createHash("sha256").update(token).digest())).toEqual(["tokens"]);
  const places = new Map([
    ...tables,
    ["the log", service.output()],
    ["a refusal", refusals.join("\n")],
  ]);
  expect(places.get("the log")).toContain("the api is listening");
  const secrets: readonly (readonly [string, string | Buffer])[] = [
    ...canaries,
    ["encryption key", encryptionKey],
    ["encryption key as bytes", Buffer.from(encryptionKey, "base64")],
  ];
  const found = secrets.flatMap(([name, secret]) =>
    [...places].flatMap(([place, text]) => (holds(text, secret) ? [`${name} in ${place}`] : [])),
  );
  expect(found).toEqual([]);
  expect(canaries.size).toBeGreaterThan(30);
});
