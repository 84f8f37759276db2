import { startProcess } from "@omnistore/testkit/child-process";
import { DEVELOPMENT, officialClient, officialReceiver } from "@omnistore/testkit/official-client";
import { startNameServer, type NameServer } from "@omnistore/testkit/name-server";
import { freshDatabase } from "@omnistore/testkit/postgres";
import { startReceiver } from "@omnistore/testkit/receiver";
import { Receiver } from "@upstash/qstash";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ask } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN, createTenant } from "./tenant.ts";

const ENCRYPTION_KEY = Buffer.alloc(32, 7).toString("base64");

/** Published tokens of development mode, besides the one that SDKs use by themselves. */
const TEST_USERS = [1, 2, 3].map((number) =>
  btoa(`{"UserID":"testUser${number}","Password":"testPassword"}`),
);

interface Tenant {
  id: string;
  name: string;
  token: string;
  signingKeys: { current: string; next: string };
}

describe("00 §2 hosted mode", () => {
  let node: RunningNode;
  let names: NameServer;
  beforeAll(async () => {
    names = await startNameServer();
    names.reply("example.com", () => "broken");
    node = await startNode({
      OMNISTORE_NAME_SERVERS: names.address,
      OMNISTORE_MODE: "hosted",
      OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN,
      OMNISTORE_ENCRYPTION_KEY: ENCRYPTION_KEY,
    });
  });
  afterAll(async () => {
    await node.stop();
    names.close();
  });

  async function newTenant(name: string): Promise<Tenant> {
    const response = await admin({ name });
    expect(response.status).toBe(201);
    return (await response.json()) as Tenant;
  }

  function admin(body: unknown, token = ADMIN_TOKEN): Promise<Response> {
    return fetch(`${node.url}/admin/v1/tenants`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  test("05 §4 the public development credentials open nothing", async () => {
    for (const token of [DEVELOPMENT.token, ...TEST_USERS]) {
      const client = officialClient(node.url, token);
      await expect(client.events()).rejects.toMatchObject({ status: 401 });
    }
    expect((await fetch(`${node.url}/echo`)).status).toBe(404);
  });

  test("the operator creates tenants, each with a token of its own that sees its own only", async () => {
    const [acme, other] = [await newTenant("acme"), await newTenant("other")];
    const client = officialClient(node.url, acme.token);
    const { messageId } = await client.publish({ url: "https://example.com/", delay: 3600 });
    await expect(client.messages.get(messageId)).resolves.toMatchObject({ messageId });
    const stranger = officialClient(node.url, other.token);
    await expect(stranger.messages.get(messageId)).rejects.toMatchObject({ status: 404 });
    expect((await stranger.events()).events).toEqual([]);
    const keys = await fetch(`${node.url}/v2/keys`, {
      headers: { authorization: `Bearer ${acme.token}` },
    });
    await expect(keys.json()).resolves.toEqual(acme.signingKeys);
  });

  test("a token or a name that is not right is refused in words", async () => {
    expect((await admin({ name: "x" }, "wrong")).status).toBe(401);
    const response = await admin({ name: "", extra: 1 });
    expect(response.status).toBe(400);
    await expect(response.json()).resolves.toEqual({ error: expect.stringContaining("name") });
  });

  test("neither tokens nor signing keys stand in the database in clear", async () => {
    const { token, signingKeys } = await newTenant("secretive");
    const client = new pg.Client({ connectionString: node.databaseUrl });
    await client.connect();
    const { rows } = await client.query(
      "SELECT encode(t.current_signing_key, 'escape') || encode(t.next_signing_key, 'escape') || encode(k.hash, 'escape') AS secrets FROM tenants t JOIN tokens k USING (tenant_id)",
    );
    await client.end();
    const stored = JSON.stringify(rows);
    expect(rows.length).toBeGreaterThan(0);
    for (const secret of [token, signingKeys.current, signingKeys.next]) {
      expect(stored).not.toContain(secret);
    }
  });
});

test("hosted mode does not start without its secrets, and says how to make them", async () => {
  const database = await freshDatabase();
  const child = startProcess("apps/api/src/main.ts", {
    DATABASE_URL: database.url,
    OMNISTORE_MODE: "hosted",
  });
  await expect(child.line("never said")).rejects.toThrow("it ended without saying");
  expect(child.output()).toContain("OMNISTORE_ADMIN_TOKEN is missing");
  expect(child.output()).toContain("OMNISTORE_ENCRYPTION_KEY is missing");
  expect(child.output()).toContain("openssl rand -base64 32");
  await database.drop();
});

test("05 §4 the four published users of development mode are there, each on its own", async () => {
  const node = await startNode();
  const receiver = await startReceiver();
  const clients = [DEVELOPMENT.token, ...TEST_USERS].map((token) =>
    officialClient(node.url, token),
  );
  const seen = new Set<string>();
  for (const [index, client] of clients.entries()) {
    const url = `${receiver.url}/${index}`;
    await client.publish({ url, body: "mine" });
    const [request] = await receiver.waitFor((each) => each.url === `/${index}`);
    const { current, next } = (await client.http.request({ path: ["v2", "keys"] })) as {
      current: string;
      next: string;
    };
    seen.add(current).add(next);
    const signature = String(request?.headers["upstash-signature"]);
    const own = new Receiver({ currentSigningKey: current, nextSigningKey: next });
    await expect(own.verify({ signature, body: "mine", url })).resolves.toBe(true);
    expect(new Set((await client.events()).events.map((event) => event.url))).toEqual(
      new Set([url]),
    );
  }
  expect(seen.size).toBe(8);
  expect(seen).toContain(DEVELOPMENT.currentSigningKey);
  await receiver.close();
  await node.stop();
});

test("05 §4 the keys that SDKs know stay: POST /v2/keys/rotate of a development tenant is refused in words", async () => {
  const node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  const receiver = await startReceiver();
  const refusal = {
    error: expect.stringMatching(/QSTASH_DEV.*POST \/admin\/v1\/tenants/) as string,
  };
  for (const token of [DEVELOPMENT.token, ...TEST_USERS]) {
    const keysBefore = (await ask(node.url, "GET", "/v2/keys", { token })).body;
    for (const path of ["/v2/keys/rotate", "/v1/keys/rotate"]) {
      const refused = await ask(node.url, "POST", path, { token });
      expect([refused.status, refused.body]).toEqual([403, refusal]);
    }
    expect((await ask(node.url, "GET", "/v2/keys", { token })).body).toEqual(keysBefore);
    expect((await ask(node.url, "GET", "/v1/audit", { token })).body.entries).toEqual([]);
  }
  await officialClient(node.url).publish({ url: receiver.url, body: "mine" });
  const [request] = await receiver.waitFor(1);
  const signature = String(request?.headers["upstash-signature"]);
  await expect(officialReceiver().verify({ signature, body: "mine" })).resolves.toBe(true);
  const { token, signingKeys } = await createTenant(node, "own");
  const rotated = await ask(node.url, "POST", "/v2/keys/rotate", { token });
  expect(rotated.body.current).toBe(signingKeys.next);
  await receiver.close();
  await node.stop();
});

test("05 §4 QSTASH_DEV=true is all the configuration that the official SDK needs", async () => {
  const node = await startNode();
  const receiver = await startReceiver();
  const child = startProcess("apps/omnistore/test/dev-mode-client.ts", {
    QSTASH_DEV: "true",
    QSTASH_DEV_PORT: new URL(node.url).port,
    RECEIVER_URL: receiver.url,
  });
  await child.line("published msg_");
  const [request] = await receiver.waitFor(1);
  expect(request?.body.toString()).toBe('{"dev":true}');
  expect(request?.headers["upstash-signature"]).toBeDefined();
  expect(DEVELOPMENT.token).not.toBe("");
  await child.end("SIGTERM");
  await receiver.close();
  await node.stop();
});
