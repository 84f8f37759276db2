import { connect } from "node:net";

import { startNameServer, type NameServer } from "@omnistore/testkit/name-server";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { MALFORMED_HTTP } from "./malformed/http.ts";
import type { Malformed } from "./malformed/request.ts";
import { MALFORMED_RESOURCES } from "./malformed/resources.ts";
import { MALFORMED_SETTINGS } from "./malformed/settings.ts";
import { asOperator } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN, createTenant, type TestTenant } from "./tenant.ts";

const CASES = [...MALFORMED_SETTINGS, ...MALFORMED_RESOURCES, ...MALFORMED_HTTP];

let node: RunningNode;
let receiver: Receiver;
let tenant: TestTenant;
let database: pg.Client;
let nameServer: NameServer;

beforeAll(async () => {
  nameServer = await startNameServer();
  for (const letter of ["a", "b", "c", "d", "e"])
    nameServer.reply(`${letter}.test`, () => ["127.0.0.1"]);
  receiver = await startReceiver();
  node = await startNode({
    OMNISTORE_MODE: "hosted",
    OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN,
    OMNISTORE_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
    OMNISTORE_ALLOW_NETWORKS: "127.0.0.1/32",
    OMNISTORE_NAME_SERVERS: nameServer.address,
  });
  tenant = await createTenant(node, "hostile");
  database = new pg.Client({ connectionString: node.databaseUrl });
  await database.connect();
  await fillTheShop();
});
afterAll(async () => {
  await database.end();
  await node.stop();
  nameServer.close();
  await receiver.close();
});

const SCHEDULE = { "upstash-cron": "0 0 1 1 *", "upstash-schedule-id": "schedule" };

/** One of everything, so that there is something to change by mistake. */
async function fillTheShop(): Promise<void> {
  const { rows } = await database.query<{ id: string }>("SELECT tenant_id AS id FROM tenants");
  // As many requests a second as it takes.
  const plan = await asOperator(node, "PUT", `/tenants/${rows[0]?.id}/plan`, {
    limits: { requestsPerSecond: 1_000_000 },
  });
  expect(plan.status).toBe(200);
  receiver.reply("/dead", () => ({ status: 500 }));
  const later = { "upstash-delay": "300d" };
  const made: readonly (readonly [string, string, unknown, Record<string, string>?])[] = [
    ["POST", "/v2/publish/https://d.test/", { a: 1 }, { ...later, "upstash-label": "one" }],
    ["POST", "/v2/enqueue/queue/https://d.test/", {}, later],
    ["POST", "/v2/queues", { queueName: "queue", parallelism: 3 }],
    ["POST", "/v2/topics/topic/endpoints", { endpoints: [{ url: "https://e.test/", name: "e" }] }],
    ["POST", "/v2/schedules/https://d.test/", {}, SCHEDULE],
    ["POST", "/v2/flowControl/key/pin?parallelism=3&rate=2&period=60", undefined],
    ["POST", `/v2/publish/${receiver.url}/dead`, {}, { "upstash-retries": "0" }],
    ["POST", `/v2/publish/${receiver.url}/alive`, {}, { "upstash-deduplication-id": "once" }],
  ];
  for (const [method, path, body, headers] of made) {
    const response = await tenant.request(method, path, body, headers);
    expect(response.status, await response.text()).toBe(200);
  }
  await until(async () => {
    const logged = await database.query("SELECT 1 FROM delivery_logs HAVING count(*) = 2");
    return logged.rows.length > 0;
  });
}

/** Everything that a request could change, and of each the columns that time alone does not. */
const TABLES: Readonly<Record<string, string>> = {
  tenants: "",
  tokens: "OF tenant_id, id, hash, role, name",
  messages: "",
  deliveries: "",
  delivery_logs: "",
  dead_letters: "",
  deduplications: "",
  schedules: "",
  schedule_ticks: "",
  gates: "",
  topics: "",
  topic_endpoints: "",
};

/** From now on each row that is written is counted: to digest every table after every request takes minutes. */
async function countChanges(): Promise<void> {
  await database.query(`CREATE TABLE changes (table_name text, made text);
    CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
      $$BEGIN INSERT INTO changes VALUES (TG_TABLE_NAME, TG_OP); RETURN NULL; END$$`);
  for (const [table, columns] of Object.entries(TABLES))
    await database.query(`CREATE TRIGGER count_change AFTER INSERT OR DELETE OR UPDATE ${columns}
      ON ${table} FOR EACH ROW EXECUTE FUNCTION count_change()`);
}

/** Rows written since the last time this was asked. */
async function changes(): Promise<readonly unknown[]> {
  return (await database.query("DELETE FROM changes RETURNING table_name, made")).rows;
}

/** Sends bytes as they are and reads the answer to its end. */
async function send(bytes: Buffer) {
  const socket = connect(Number(new URL(node.url).port), "127.0.0.1");
  socket.setTimeout(5_000, () => socket.destroy(new Error("no end of the answer in 5 seconds")));
  socket.write(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const [head = "", ...rest] = Buffer.concat(chunks).toString("utf8").split("\r\n\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  return { status, head, body: rest.join("\r\n\r\n") };
}

function withToken(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString("latin1").replaceAll("{token}", tenant.token), "latin1");
}

async function expectRefusal({ bytes, status, says }: Malformed): Promise<void> {
  const answer = await send(withToken(bytes));
  expect.soft(answer.status, answer.body).toBe(status);
  expect.soft(answer.head.toLowerCase()).toContain("content-type: application/json");
  const told = JSON.parse(answer.body) as { error: string };
  expect(told).toEqual({ error: expect.any(String) as string });
  for (const text of says) expect.soft(plain(told.error)).toContain(plain(text));
  expect.soft(told.error.length).toBeLessThan(1_500);
  expect.soft(told.error).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029]/u);
  expect.soft(told.error).not.toContain(tenant.token);
}

/** JSON that is shown inside a text is escaped once more, and names of headers come in any case. */
function plain(text: string): string {
  return text.replaceAll("\\", "").toLowerCase();
}

test("there are at least 250 malformed requests, each once", () => {
  const names = CASES.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) < index)).toEqual([]);
  expect(CASES.length).toBeGreaterThanOrEqual(250);
});

describe("00 §3 a malformed request is refused in words and changes nothing:", () => {
  beforeAll(countChanges);

  test("what changes a row is counted", async () => {
    const sent = await tenant.request(
      "POST",
      "/v2/publish/https://d.test/",
      {},
      { "upstash-delay": "300d" },
    );
    expect(sent.status).toBe(200);
    const made = await changes();
    expect(made).toHaveLength(2);
    expect(made).toContainEqual({ table_name: "deliveries", made: "INSERT" });
    expect(await changes()).toEqual([]);
  });

  test.each(CASES.map((malformed) => [malformed.name, malformed] as const))(
    "%s",
    async (_name, malformed) => {
      try {
        await expectRefusal(malformed);
      } finally {
        expect.soft(await changes()).toEqual([]);
      }
    },
  );
});
