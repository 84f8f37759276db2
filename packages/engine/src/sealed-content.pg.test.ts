import { randomBytes } from "node:crypto";

import { makeUuidV7, messageExpiryDay } from "@omnistore/domain/message/message-id";
import type { Message } from "@omnistore/domain/message/message";
import type { PublishCommand } from "@omnistore/domain/publish/publish-command";
import { parseCron } from "@omnistore/domain/schedule/cron";
import { UNBOUNDED } from "@omnistore/domain/tenant/plans";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { claimDeliveries } from "./claim/claim-deliveries.sql.ts";
import { listDeadLetters } from "./dead-letter/list-dead-letters.ts";
import { getMessage } from "./history/get-message.ts";
import { listLogs } from "./history/list-logs.ts";
import { loadMessages } from "./load-messages.sql.ts";
import { storedContent } from "./message-row.ts";
import { publishTogether } from "./publish/publish.ts";
import { OutcomeRecorder } from "./record/outcome-recorder.ts";
import { MessageStore } from "./store/message-store.ts";
import { createSchedule } from "./schedule/create-schedule.ts";
import { getSchedule } from "./schedule/select-schedules.sql.ts";
import { createTenant } from "./tenant/create-tenant.ts";
import { addEndpoints } from "./topic/add-endpoints.ts";
import { setTopicHeaders } from "./topic/change-topic.ts";
import { getTopic } from "./topic/select-topics.sql.ts";
import { Vault } from "./vault.ts";

const page = { order: "latestFirst", count: 100 } as const;

let engine: TestEngine;
const unreadable: unknown[] = [];
let tenantId: string;
beforeAll(async () => {
  engine = await startEngine({
    sealsContent: true,
    onUnreadable: (error) => unreadable.push(error),
  });
});
afterAll(() => engine.stop());
beforeEach(async () => {
  unreadable.length = 0;
  tenantId = (await createTenant(engine.core, "sealed")).id;
});

const SECRETS: Partial<PublishCommand> = {
  headers: { Authorization: ["Bearer canary-header"] },
  body: Buffer.from("canary-body"),
  options: {
    labels: ["shown"],
    timeoutMs: 1_000,
    callback: {
      url: "http://127.0.0.1:9/callback",
      method: "POST",
      headers: { "X-Secret": ["canary-callback"] },
      options: {},
    },
  },
};

const storeIn = (owner: string, over: Partial<PublishCommand> = {}) =>
  engine.store({ ...SECRETS, tenantId: owner, ...over });

async function load({ tenantId: owner, id }: Message): Promise<Message | undefined> {
  const key = { tenantId: owner, messageId: id };
  return (await loadMessages(engine.core.pool, engine.core.vault, [key])).get(id);
}

function asText(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString("latin1") : JSON.stringify(value);
}

/** Everything of a table in one text, bytes as they are; of one tenant only, if one is named. */
async function dump(table: string, of: string | null = null): Promise<string> {
  const { rows } = await engine.core.pool.query<Record<string, unknown>>(
    `SELECT * FROM ${table} WHERE $1::uuid IS NULL OR tenant_id = $1`,
    [of],
  );
  return rows.flatMap((row) => Object.values(row).map(asText)).join("\n");
}

/** Puts the body of one message into the row of another. */
const moveBody = (from: Message, to: Message) =>
  engine.core.pool.query(
    `UPDATE messages m SET body = f.body FROM messages f
     WHERE f.id = $1 AND f.expires_on = $2 AND m.id = $3 AND m.expires_on = $4`,
    [from.id, messageExpiryDay(from.id), to.id, messageExpiryDay(to.id)],
  );

describe("a message", () => {
  test("is whole when it is read, and stored without its body, headers and callbacks in clear", async () => {
    const message = await storeIn(tenantId);
    expect(await load(message)).toMatchObject(message);
    const { pool, vault } = engine.core;
    expect(await getMessage(pool, vault, tenantId, message.id)).toMatchObject(message);
    const stored = await dump("messages");
    expect(stored).not.toContain("canary");
    expect(stored).toContain("shown");
  });

  test("is published sealed, and its body is metered as it was sent", async () => {
    const { pool, clock, vault } = engine.core;
    const store = new MessageStore({ pool, clock, onStored: () => undefined });
    const parts = { store, clock, vault, onError: (error: unknown) => expect.fail(String(error)) };
    const commands = [engine.command({ ...SECRETS, tenantId }), engine.command({ tenantId })];
    const outcomes = await publishTogether(parts, commands, UNBOUNDED);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted"]);
    expect(await dump("messages")).not.toContain("canary");
    const { rows } = await pool.query(
      "SELECT sum(bytes_in)::int AS bytes FROM usage_batches WHERE tenant_id = $1",
      [tenantId],
    );
    expect(rows).toEqual([{ bytes: "canary-body".length + "body".length }]);
    const logs = await listLogs(pool, vault, tenantId, { ...page, labels: ["shown"] });
    expect(logs.kind === "page" && logs.page.items).toEqual([
      expect.objectContaining({ message: expect.objectContaining(SECRETS) }),
    ]);
  });

  test("of a time before sealing is read beside the sealed ones", async () => {
    const given = engine.command({ ...SECRETS, tenantId });
    const sealed = await storeIn(tenantId);
    const clear = await engine.store(given, {
      content: storedContent(await storeIn(tenantId), null),
    });
    expect(await load(sealed)).toMatchObject({ id: sealed.id, ...SECRETS });
    expect(await load(clear)).toMatchObject({ id: clear.id, ...SECRETS });
  });

  test("that was changed is not delivered and not shown, and leaves the others alone", async () => {
    const [changed, whole] = [await storeIn(tenantId), await storeIn(tenantId)];
    await engine.core.pool.query(
      `UPDATE messages SET body = set_byte(body, octet_length(body) - 1, 255 - get_byte(body, octet_length(body) - 1))
       WHERE id = $1 AND expires_on = $2`,
      [changed.id, messageExpiryDay(changed.id)],
    );
    const { pool, vault } = engine.core;
    const keys = [changed, whole].map(({ id }) => ({ tenantId, messageId: id }));
    expect([...(await loadMessages(pool, vault, keys)).keys()]).toEqual([whole.id]);
    expect(String(unreadable[0])).toContain(`message ${changed.id} of tenant ${tenantId}`);
    await expect(getMessage(pool, vault, tenantId, changed.id)).rejects.toThrow("was changed");
  });

  test("whose body was put into the row of another one, or of another tenant, is refused", async () => {
    const stranger = (await createTenant(engine.core, "stranger")).id;
    const [own, other, strange] = [
      await storeIn(tenantId),
      await storeIn(tenantId),
      await storeIn(stranger),
    ];
    await moveBody(own, other);
    await moveBody(own, strange);
    expect(await load(other)).toBeUndefined();
    expect(await load(strange)).toBeUndefined();
    expect(await load(own)).toBeDefined();
    expect(unreadable).toHaveLength(2);
  });

  test("of a tenant whose key is gone cannot be read by anybody", async () => {
    const message = await storeIn(tenantId);
    await engine.core.pool.query("DELETE FROM tenants WHERE tenant_id = $1", [tenantId]);
    const { masterKeys } = engine.core.vault;
    const { pool } = engine.core;
    const other = new Vault({ pool, masterKeys, sealsContent: true });
    const key = { tenantId, messageId: message.id };
    expect((await loadMessages(pool, other, [key])).size).toBe(0);
  });
});

function fail(error: unknown): never {
  expect.fail(String(error));
}

/** Makes a dead letter of a message: its receiver answered with canaries. */
async function bury(message: Message) {
  const { pool, clock, vault, plans } = engine.core;
  const owner = await engine.dispatcher();
  const { leased } = await claimDeliveries(pool, owner, 500);
  const mine = leased.find(({ messageId }) => messageId === message.id);
  if (mine === undefined) throw new Error("the message was not claimed");
  const recorder = new OutcomeRecorder({
    pool,
    clock,
    vault,
    plans,
    onStored: () => undefined,
    onError: fail,
  });
  const died = engine.outcome(mine, {
    outcome: "dead",
    deadLetterId: makeUuidV7({ unixMs: Date.now(), random: randomBytes(10) }),
    status: 500,
    responseHeaders: { "Set-Cookie": ["canary-cookie"] },
    responseBody: Buffer.from("canary-answer"),
    error: "destination answered 500",
  });
  await expect(recorder.record(died)).resolves.toBe(true);
}

describe("the answer of a receiver", () => {
  const answer = {
    status: 500,
    headers: { "Set-Cookie": ["canary-cookie"] },
    body: Buffer.from("canary-answer"),
  };

  test("is whole in the log and in the dead letter, and stored in clear in neither", async () => {
    const message = await storeIn(tenantId);
    await bury(message);
    for (const table of ["delivery_logs", "dead_letters"]) {
      expect(await dump(table)).not.toContain("canary");
    }
    const { pool, vault } = engine.core;
    const logs = await listLogs(pool, vault, tenantId, { ...page, states: ["ERROR"] });
    expect(logs.kind === "page" && logs.page.items).toEqual([
      expect.objectContaining({ response: answer }),
    ]);
    const letters = await listDeadLetters(pool, vault, tenantId, page);
    expect(letters.kind === "page" && letters.page.items).toEqual([
      expect.objectContaining({ response: answer }),
    ]);
  });

  test("is refused in the place of the answer to another message", async () => {
    await bury(await storeIn(tenantId));
    await bury(await storeIn(tenantId));
    const { pool, vault } = engine.core;
    await pool.query(
      `UPDATE dead_letters SET response_body = (
         SELECT response_body FROM dead_letters WHERE tenant_id = $1 ORDER BY id LIMIT 1
       ) WHERE tenant_id = $1`,
      [tenantId],
    );
    const letters = await listDeadLetters(pool, vault, tenantId, page);
    expect(letters.kind === "page" && letters.page.items).toHaveLength(1);
    expect(unreadable).toHaveLength(1);
  });
});

/** Keeps a schedule of the tenant that sends what `SECRETS` says every hour. */
async function schedule(
  id: string,
  atMs: number,
  over: Partial<PublishCommand> = {},
  ownSettings?: string,
) {
  const cron = parseCron("0 * * * *");
  if (cron.kind === "invalid") throw new Error(cron.reason);
  const { wire, destination, method, headers, body, maxRetries, options } = engine.command({
    ...SECRETS,
    ...over,
  });
  const template = { wire, destination, method, headers, body, maxRetries, options };
  await createSchedule(
    engine.core,
    { tenantId, id, cron, template, ...(ownSettings === undefined ? {} : { ownSettings }) },
    UNBOUNDED,
    atMs,
  );
  return template;
}

describe("what is kept for later", () => {
  const hour = 3_600_000;

  test("a schedule is sealed, read whole, and fires what it was given", async () => {
    const { pool, vault, clock } = engine.core;
    const template = await schedule("hourly", clock.nowMs());
    expect(await dump("schedules")).not.toContain("canary");
    const read = await getSchedule(pool, vault, tenantId, "hourly");
    expect(read?.template).toEqual(template);

    await engine.scheduleRunner().runDue(clock.nowMs() + hour);
    const { rows } = await pool.query<{ id: string }>(
      "SELECT id FROM messages WHERE tenant_id = $1",
      [tenantId],
    );
    const message = await getMessage(pool, vault, tenantId, rows[0]?.id ?? "");
    expect(message).toMatchObject({ headers: template.headers, body: template.body });
    expect(message?.options).toEqual({ ...template.options, scheduleId: "hourly" });
    expect(await dump("messages", tenantId)).not.toContain("canary");
  });

  test("a schedule whose seal was moved fires nothing, says why, and holds up no other", async () => {
    const { pool, clock } = engine.core;
    await schedule("one", clock.nowMs());
    await schedule("two", clock.nowMs());
    await pool.query(
      `UPDATE schedules s SET body = o.body FROM schedules o
       WHERE s.tenant_id = $1 AND s.id = 'one' AND o.tenant_id = $1 AND o.id = 'two'`,
      [tenantId],
    );
    const run = await engine.scheduleRunner().runDue(clock.nowMs() + hour);
    expect(run.notices).toContainEqual(
      expect.objectContaining({ kind: "failed", tenantId, scheduleId: "one" }),
    );
    const { rows } = await pool.query("SELECT 1 FROM messages WHERE tenant_id = $1", [tenantId]);
    expect(rows).toHaveLength(1);
  });

  test("what a publisher said itself of a schedule to a topic is sealed, and read at the tick", async () => {
    const { db, pool, vault, clock } = engine.core;
    await addEndpoints(db, tenantId, "t", [{ url: "http://a.test/" }], UNBOUNDED);
    await setTopicHeaders(engine.core, tenantId, "t", { "X-Topic": ["canary-topic"] });
    const own = {
      method: "POST",
      headers: { "X-Own": ["canary-own"] },
      maxRetries: 1,
      options: {},
    };
    await schedule("to topic", clock.nowMs(), { destination: "t" }, JSON.stringify(own));
    expect(await dump("schedules")).not.toContain("canary");
    await engine.scheduleRunner().runDue(clock.nowMs() + hour);
    const { rows } = await pool.query<{ id: string }>(
      "SELECT id FROM messages WHERE tenant_id = $1",
      [tenantId],
    );
    const message = await getMessage(pool, vault, tenantId, rows[0]?.id ?? "");
    expect(message?.headers).toEqual({ "X-Topic": ["canary-topic"], "X-Own": ["canary-own"] });
  });

  test("the default headers of a topic are sealed, and read whole", async () => {
    const { db, pool, vault } = engine.core;
    const headers = { Authorization: ["Bearer canary-topic"] };
    await addEndpoints(db, tenantId, "t", [{ url: "http://a.test/" }], UNBOUNDED);
    await setTopicHeaders(engine.core, tenantId, "t", headers);
    expect(await dump("topics")).not.toContain("canary");
    const topic = await getTopic(pool, vault, tenantId, "t");
    expect(topic?.headers).toEqual(headers);
    const other = (await createTenant(engine.core, "other")).id;
    await addEndpoints(db, other, "t", [{ url: "http://a.test/" }], UNBOUNDED);
    await pool.query(
      `UPDATE topics t SET sealed_headers = f.sealed_headers FROM topics f
       WHERE t.tenant_id = $1 AND f.tenant_id = $2`,
      [other, tenantId],
    );
    await expect(getTopic(pool, vault, other, "t")).rejects.toThrow("sealed for another place");
  });
});
