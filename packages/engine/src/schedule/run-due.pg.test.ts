import { randomUUID } from "node:crypto";

import { parseCron, type Cron } from "@omnistore/domain/schedule/cron";
import { nextRun } from "@omnistore/domain/schedule/next-run";
import type { ScheduleTemplate } from "@omnistore/domain/schedule/schedule";
import { UNBOUNDED } from "@omnistore/domain/tenant/plans";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { until } from "@omnistore/testkit/until";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { pauseSchedule, resumeSchedule } from "./change-schedule.ts";
import { addEndpoints } from "../topic/add-endpoints.ts";
import { deleteTopic, setTopicHeaders } from "../topic/change-topic.ts";
import { createSchedule } from "./create-schedule.ts";
import type { ScheduleRunner } from "./run-due.ts";
import { getSchedule, pageOfSchedules } from "./select-schedules.sql.ts";

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const MIB = 1024 * 1024;

let engine: TestEngine;
let runner: ScheduleRunner;
/** Tomorrow at midnight: far enough ahead that the database's own time plays no part. */
let midnight: number;

beforeEach(async () => {
  engine = await startEngine();
  runner = engine.scheduleRunner();
  midnight = Math.ceil(engine.core.clock.nowMs() / DAY) * DAY;
});
afterEach(() => engine.stop());

function cronOf(text: string): Cron {
  const cron = parseCron(text);
  if (cron.kind === "invalid") throw new Error(cron.reason);
  return cron;
}

function template(over: Partial<ScheduleTemplate> = {}): ScheduleTemplate {
  return {
    wire: "qstash",
    destination: "http://127.0.0.1:9/",
    method: "POST",
    headers: { "X-Mine": ["kept"] },
    body: Buffer.from("body"),
    maxRetries: 3,
    options: {},
    ...over,
  };
}

async function create(
  cron: string,
  over: Partial<ScheduleTemplate> = {},
  { id = `s-${randomUUID()}`, atMs = midnight - MINUTE / 2 } = {},
): Promise<string> {
  const command = { tenantId: engine.tenantId, id, cron: cronOf(cron), template: template(over) };
  await createSchedule(engine.core, command, UNBOUNDED, atMs);
  return id;
}

/** Fires everything that is due at a moment; returns how many messages that made. */
async function runAll(atMs: number): Promise<number> {
  let fired = 0;
  for (;;) {
    const run = await runner.runDue(atMs);
    fired += run.fired;
    if (run.nextInMs !== 0) return fired;
  }
}

async function one(id: string) {
  const schedule = await getSchedule(engine.core.pool, engine.core.vault, engine.tenantId, id);
  if (schedule === null) throw new Error(`no schedule ${id}`);
  return schedule;
}

async function ticks(): Promise<{ schedule_id: string; at: number; message_ids: string[] }[]> {
  const { rows } = await engine.core.pool.query<{
    schedule_id: string;
    at: number;
    message_ids: string[];
  }>(`SELECT schedule_id, (extract(epoch FROM tick_at) * 1000)::float8 AS at, message_ids
      FROM schedule_ticks ORDER BY tick_at, schedule_id`);
  return rows;
}

describe("runDue", () => {
  test("nothing fires before its time, and the wait for it is told", async () => {
    await create("0 0 * * *");
    expect(await runner.runDue(midnight - 1500)).toMatchObject({ fired: 0, nextInMs: 1500 });
    expect(await runner.runDue(midnight - 1)).toMatchObject({ fired: 0, nextInMs: 1 });
    expect(await runner.runDue(midnight)).toMatchObject({ fired: 1 });
    expect(await engine.count("deliveries")).toBe(1);
  });

  test("without schedules there is nothing to wait for", async () => {
    expect(await runner.runDue()).toMatchObject({ fired: 0, nextInMs: null });
  });

  test("a tick makes the message of the template, and the schedule moves on", async () => {
    const id = await create("0 0 * * *", {
      method: "PUT",
      body: Buffer.from([0, 255, 10]),
      maxRetries: 7,
      options: { labels: ["nightly"], callerIp: "1.2.3.4" },
    });
    await runAll(midnight);
    const { rows } = await engine.core.pool.query("SELECT * FROM messages");
    expect(rows).toEqual([
      expect.objectContaining({
        tenant_id: engine.tenantId,
        wire: "qstash",
        method: "PUT",
        headers: { "X-Mine": ["kept"] },
        body: Buffer.from([0, 255, 10]),
        max_retries: 7,
        options: { labels: ["nightly"], callerIp: "1.2.3.4", scheduleId: id },
      }),
    ]);
    const schedule = await one(id);
    expect(schedule).toMatchObject({ lastRunAt: midnight, nextRunAt: midnight + DAY });
    expect(schedule.lastFired).toEqual({ [rows[0].id]: "in-progress" });
  });

  test("a delay holds back each message, not the tick", async () => {
    await create(
      "* * * * *",
      { delayMs: 90_000 },
      { atMs: engine.core.clock.nowMs() - 2 * MINUTE },
    );
    expect(await runAll(engine.core.clock.nowMs())).toBe(1);
    const { rows } = await engine.core.pool.query<{ wait_ms: number }>(
      "SELECT (extract(epoch FROM due_at - now()) * 1000)::float8 AS wait_ms FROM deliveries",
    );
    expect(rows[0]?.wait_ms).toBeGreaterThan(88_000);
    expect(rows[0]?.wait_ms).toBeLessThanOrEqual(90_000);
  });

  test("ticks beyond the day's limit fire nothing and say so, those within it fire, and the next day all do", async () => {
    const { db, pool } = engine.core;
    await pool.query(
      `INSERT INTO tenants (tenant_id, name, plan, limits, current_signing_key, next_signing_key)
       VALUES ($1, 't', 'free', '{"messagesPerDay": 4}', '', '')`,
      [engine.tenantId],
    );
    const urls = ["http://a/", "http://b/", "http://c/"].map((url) => ({ url }));
    await addEndpoints(db, engine.tenantId, "t", urls, UNBOUNDED);
    const single = await create("0 0 * * *", {}, { id: "1" });
    const toTopic = await create("0 0 * * *", { destination: "t" }, { id: "2" });
    const again = await create("0 0,1 * * *", { destination: "t" }, { id: "3" });
    await create("0 1 * * *", {}, { id: "4" });

    const { fired, notices } = await runner.runDue(midnight);
    expect(fired).toBe(4);
    const error =
      'no more messages today (UTC): reached is the limit of 4 messages a day, which is set for this tenant instead of 1000 of plan "free"; the operator can raise it';
    expect(notices).toEqual([
      {
        tenantId: engine.tenantId,
        scheduleId: expect.any(String) as string,
        kind: "refused",
        error,
      },
    ]);
    const skipped = notices[0]?.scheduleId ?? "";
    expect([toTopic, again]).toContain(skipped);
    expect(await one(skipped)).toMatchObject({ lastError: error, lastFired: {} });
    expect(await one(skipped)).not.toHaveProperty("lastRunAt");
    expect(await one(single)).toMatchObject({ lastRunAt: midnight });
    expect(await runAll(midnight + 60 * MINUTE)).toBe(0);
    expect(await engine.count("messages")).toBe(4);

    await pool.query("UPDATE tenants SET limits = '{\"messagesPerDay\": 11}'");
    await until(async () => {
      const plans = await engine.core.plans.of([engine.tenantId]);
      return plans.get(engine.tenantId)?.limits.messagesPerDay === 11;
    });
    expect(await runAll(midnight + DAY)).toBe(7);
    expect(await one(skipped)).not.toHaveProperty("lastError");
  });

  test("ticks of a suspended tenant fire nothing and say so; resumed, the next one fires", async () => {
    const { pool } = engine.core;
    await pool.query(
      `INSERT INTO tenants (tenant_id, name, current_signing_key, next_signing_key, suspended_at)
       VALUES ($1, 't', '', '', now())`,
      [engine.tenantId],
    );
    const id = await create("0 * * * *");
    expect(await runAll(midnight)).toBe(0);
    expect(await engine.count("messages")).toBe(0);
    expect(await one(id)).toMatchObject({ lastError: expect.stringContaining("suspended") });
    await pool.query("UPDATE tenants SET suspended_at = NULL");
    expect(await runAll(midnight + 60 * MINUTE)).toBe(1);
    expect(await one(id)).not.toHaveProperty("lastError");
  });

  test("a day of a cron-heavy tenant fires each tick once, and no other", async () => {
    const crons = ["*/15 * * * *", "7 * * * *", "30 2 * * *", "CRON_TZ=Asia/Kolkata 0 9-17 * * *"];
    const expected = new Set<string>();
    for (const [index, cron] of crons.entries()) {
      const id = await create(cron, {}, { id: `s${index}` });
      let at = nextRun(cronOf(cron), midnight - MINUTE / 2);
      while (at !== null && at < midnight + DAY) {
        expected.add(`${id} ${at}`);
        at = nextRun(cronOf(cron), at);
      }
    }
    let now: number | null = midnight - MINUTE / 2;
    while (now < midnight + DAY) {
      const { nextInMs } = await runner.runDue(now);
      now += nextInMs ?? DAY;
    }
    const fired = (await ticks()).map((tick) => `${tick.schedule_id} ${tick.at}`);
    expect(expected.size).toBe(96 + 24 + 1 + 9);
    expect(fired).toHaveLength(expected.size);
    expect(new Set(fired)).toEqual(expected);
    expect(await engine.count("messages")).toBe(expected.size);
  });

  test("of the ticks missed while down the last fires once, and the notice says what was skipped", async () => {
    const id = await create("*/5 * * * *");
    const late = midnight + 32 * MINUTE;
    const { fired, notices } = await runner.runDue(late);
    expect(fired).toBe(1);
    expect(notices).toEqual([
      {
        kind: "skipped",
        tenantId: engine.tenantId,
        scheduleId: id,
        firstMs: midnight,
        lastMs: midnight + 25 * MINUTE,
      },
    ]);
    expect(await one(id)).toMatchObject({
      lastRunAt: midnight + 30 * MINUTE,
      nextRunAt: midnight + 35 * MINUTE,
    });
  });

  test("a tick so old that its day has no partition any more still fires", async () => {
    const now = engine.core.clock.nowMs();
    const id = await create("0 0 1 * *", {}, { atMs: now - 40 * DAY });
    const due = (await one(id)).nextRunAt ?? Number.NaN;
    expect(await runAll(now)).toBe(1);
    const schedule = await one(id);
    expect(schedule.lastRunAt).toBeGreaterThanOrEqual(due);
    expect(Object.values(schedule.lastFired)).toEqual(["in-progress"]);
  });

  test("a tick that is noted already does not fire again", async () => {
    const id = await create("0 0 * * *");
    await runAll(midnight);
    // As when a new definition, worked out before the tick, is stored after it.
    await create("0 0 * * *", { body: Buffer.from("new") }, { id });
    expect((await one(id)).nextRunAt).toBe(midnight);
    expect(await runAll(midnight)).toBe(0);
    expect(await engine.count("messages")).toBe(1);
    expect((await one(id)).nextRunAt).toBe(midnight + DAY);
  });

  test("runners at the same time share what is due and fire each tick once", async () => {
    await Promise.all(Array.from({ length: 60 }, () => create("0 0 * * *")));
    const runners = Array.from({ length: 4 }, () => engine.scheduleRunner());
    const runs = await Promise.all(runners.map((each) => each.runDue(midnight)));
    expect(runs.reduce((sum, { fired }) => sum + fired, 0)).toBe(60);
    expect(await engine.count("messages")).toBe(60);
    expect(new Set((await ticks()).map((tick) => tick.schedule_id)).size).toBe(60);
  });

  test("a schedule that cannot be understood is set aside with the reason, and the others fire", async () => {
    const [bad] = await Promise.all([
      create("0 0 * * *"),
      create("0 0 * * *"),
      create("0 0 * * *"),
    ]);
    await engine.core.pool.query("UPDATE schedules SET cron = 'whenever' WHERE id = $1", [bad]);
    const { fired, notices } = await runner.runDue(midnight);
    expect(fired).toBe(2);
    expect(notices).toEqual([expect.objectContaining({ kind: "failed", scheduleId: bad })]);
    const schedule = await one(bad);
    expect(schedule.lastError).toContain('"whenever"');
    expect(schedule).not.toHaveProperty("nextRunAt");
  });

  test("a message that the database refuses fails alone, and its schedule tries again at its next tick", async () => {
    const ids = await Promise.all(Array.from({ length: 9 }, () => create("0 0 * * *")));
    const bad = ids[5] ?? "";
    await engine.core.pool.query(
      "UPDATE schedules SET destination = 'http://poison/' WHERE id = $1",
      [bad],
    );
    await engine.owner.query(
      "ALTER TABLE messages ADD CONSTRAINT no_poison CHECK (destination <> 'http://poison/')",
    );
    const { fired, notices } = await runner.runDue(midnight);
    expect(fired).toBe(8);
    expect(notices).toEqual([expect.objectContaining({ kind: "failed", scheduleId: bad })]);
    const schedule = await one(bad);
    expect(schedule.lastError).toContain("no_poison");
    expect(schedule).toMatchObject({ nextRunAt: midnight + DAY, lastFired: {} });
    expect(schedule).not.toHaveProperty("lastRunAt");

    await engine.owner.query("ALTER TABLE messages DROP CONSTRAINT no_poison");
    expect(await runAll(midnight + DAY)).toBe(9);
    expect(await one(bad)).not.toHaveProperty("lastError");
  });

  test("a schedule to a topic makes a message for each endpoint that the topic has at the tick", async () => {
    const { db, pool } = engine.core;
    const add = (url: string, name?: string) =>
      addEndpoints(
        db,
        engine.tenantId,
        "t",
        [name === undefined ? { url } : { url, name }],
        UNBOUNDED,
      );
    await add("http://a/", "first");
    const id = await create("0 0 * * *", {
      destination: "t",
      options: { labels: ["l"], queueName: "q" },
    });
    await create("0 0 * * *");
    await add("http://b/");
    expect(await runAll(midnight)).toBe(3);
    const { rows } = await pool.query(
      `SELECT destination, convert_from(body, 'UTF8') AS body, options FROM messages
       WHERE options ->> 'scheduleId' = $1 ORDER BY destination`,
      [id],
    );
    const common = { labels: ["l"], queueName: "q", topicName: "t", scheduleId: id };
    expect(rows).toEqual([
      { destination: "http://a/", body: "body", options: { ...common, endpointName: "first" } },
      { destination: "http://b/", body: "body", options: common },
    ]);
    expect(Object.values((await one(id)).lastFired)).toEqual(["in-progress", "in-progress"]);

    await add("http://c/");
    expect(await runAll(midnight + DAY)).toBe(4);
    expect(Object.values((await one(id)).lastFired)).toHaveLength(3);
  });

  test("a schedule to a topic that is gone fires nothing, says so, and others and later ticks fire", async () => {
    const { db } = engine.core;
    await addEndpoints(db, engine.tenantId, "t", [{ url: "http://a/" }], UNBOUNDED);
    const id = await create("0 0 * * *", { destination: "t" });
    await create("0 0 * * *");
    await deleteTopic(db, engine.tenantId, "t");
    const { fired, notices } = await runner.runDue(midnight);
    expect(fired).toBe(1);
    expect(notices).toEqual([
      expect.objectContaining({
        kind: "failed",
        scheduleId: id,
        error: 'topic "t" does not exist',
      }),
    ]);
    const schedule = await one(id);
    expect(schedule).toMatchObject({
      lastError: 'topic "t" does not exist',
      nextRunAt: midnight + DAY,
      lastFired: {},
    });
    expect(schedule).not.toHaveProperty("lastRunAt");
    await addEndpoints(db, engine.tenantId, "t", [{ url: "http://a/" }], UNBOUNDED);
    expect(await runAll(midnight + DAY)).toBe(2);
    expect(await one(id)).not.toHaveProperty("lastError");
  });

  test("a schedule to a topic that has too many endpoints for its body fires nothing and says so", async () => {
    const endpoints = Array.from({ length: 13 }, (_, index) => ({ url: `http://e${index}/` }));
    await addEndpoints(engine.core.db, engine.tenantId, "t", endpoints, UNBOUNDED);
    await create("0 0 * * *", { destination: "t", body: Buffer.alloc(10 * MIB) });
    const { fired, notices } = await runner.runDue(midnight);
    expect(fired).toBe(0);
    expect(notices).toEqual([
      expect.objectContaining({ error: expect.stringContaining("the limit is 134217728 bytes") }),
    ]);
  });

  test("schedules with large bodies fire in batches that fit into memory, and all of them do", async () => {
    for (let n = 0; n < 3; n += 1) await create("0 0 * * *", { body: Buffer.alloc(7 * MIB, n) });
    await expect(runner.runDue(midnight)).resolves.toMatchObject({ fired: 2, isFull: true });
    await expect(runner.runDue(midnight)).resolves.toMatchObject({ fired: 1, isFull: false });
    await create("0 1 * * *", { body: Buffer.alloc(17 * MIB) });
    await expect(runAll(midnight + 60 * MINUTE)).resolves.toBe(1);
  });

  test("00 §8 a tick takes the topic's headers as they are then, as long as its definition is of this version", async () => {
    const { db, pool } = engine.core;
    await addEndpoints(db, engine.tenantId, "t", [{ url: "http://a/" }], UNBOUNDED);
    const set = (value: string) =>
      setTopicHeaders(engine.core, engine.tenantId, "t", { "X-Topic": [value] });
    await set("of the creation");
    const atCreation = { "X-Topic": ["of the creation"], "X-Mine": ["kept"] };
    const { method, headers, maxRetries, options, ...rest } = template({ destination: "t" });
    await createSchedule(
      engine.core,
      {
        tenantId: engine.tenantId,
        id: "s",
        cron: cronOf("0 0 * * *"),
        template: { ...rest, method, headers: atCreation, maxRetries, options },
        ownSettings: JSON.stringify({ method, headers, maxRetries, options }),
      },
      UNBOUNDED,
      midnight - MINUTE,
    );
    const headersOfTheLast = async () => {
      const { rows } = await pool.query("SELECT headers FROM messages ORDER BY id DESC LIMIT 1");
      return rows[0]?.headers;
    };
    expect(await runAll(midnight)).toBe(1);
    expect(await headersOfTheLast()).toEqual(atCreation);
    await set("of today");
    expect(await runAll(midnight + DAY)).toBe(1);
    expect(await headersOfTheLast()).toEqual({ "X-Topic": ["of today"], "X-Mine": ["kept"] });

    // An older version that replaces the definition knows nothing of own settings.
    await pool.query("UPDATE schedules SET headers = '{}', updated_at = now()");
    expect(await runAll(midnight + 2 * DAY)).toBe(1);
    expect(await headersOfTheLast()).toEqual({});
  });

  test("the topic of another tenant is no topic of the schedule's", async () => {
    const stranger = "00000000-0000-7000-8000-0000000000ff";
    await addEndpoints(engine.core.db, stranger, "t", [{ url: "http://a/" }], UNBOUNDED);
    await create("0 0 * * *", { destination: "t" });
    expect(await runAll(midnight)).toBe(0);
    expect(await engine.count("messages")).toBe(0);
  });

  test("of the messages of one tick all are stored or none", async () => {
    const urls = ["http://a/", "http://poison/", "http://c/"].map((url) => ({ url }));
    await addEndpoints(engine.core.db, engine.tenantId, "t", urls, UNBOUNDED);
    const id = await create("0 0 * * *", { destination: "t" });
    await create("0 0 * * *");
    await engine.owner.query(
      "ALTER TABLE messages ADD CONSTRAINT no_poison CHECK (destination <> 'http://poison/')",
    );
    expect(await runAll(midnight)).toBe(1);
    expect(await engine.count("messages")).toBe(1);
    expect((await ticks()).map((tick) => tick.schedule_id)).not.toContain(id);
    expect((await one(id)).lastError).toContain("no_poison");
  });

  test("more than one statement takes is stored in several", async () => {
    const urls = Array.from({ length: 100 }, (_, at) => ({ url: `http://${at}/` }));
    await addEndpoints(engine.core.db, engine.tenantId, "t", urls, UNBOUNDED);
    await Promise.all(Array.from({ length: 51 }, () => create("0 0 * * *", { destination: "t" })));
    expect(await runAll(midnight)).toBe(5100);
    expect(await engine.count("deliveries")).toBe(5100);
  });

  test("a paused schedule fires nothing; resumed, it goes on with the next tick", async () => {
    const { db } = engine.core;
    const id = await create("0 * * * *");
    for (let twice = 0; twice < 2; twice += 1) {
      expect(await pauseSchedule(db, engine.tenantId, id)).toBe(true);
      expect(await one(id)).toMatchObject({ isPaused: true });
      expect(await one(id)).not.toHaveProperty("nextRunAt");
    }
    expect(await runAll(midnight + 150 * MINUTE)).toBe(0);
    for (let twice = 0; twice < 2; twice += 1) {
      const at = midnight + (150 + twice * 60) * MINUTE;
      expect(await resumeSchedule(db, engine.tenantId, id, at)).toBe(true);
      expect(await one(id)).toMatchObject({ isPaused: false, nextRunAt: midnight + 180 * MINUTE });
    }
    expect(await runAll(midnight + 180 * MINUTE)).toBe(1);
  });

  test("a new definition replaces the old one whole, and keeps it paused", async () => {
    const id = await create("0 0 * * *", { delayMs: 1000, options: { labels: ["old"] } });
    const before = await one(id);
    await pauseSchedule(engine.core.db, engine.tenantId, id);
    await create("30 1 * * *", { body: Buffer.alloc(0), headers: {} }, { id });
    const { pool, vault } = engine.core;
    const listed = await pageOfSchedules(pool, vault, engine.tenantId, null);
    const [after, ...others] = listed.items;
    expect(others).toEqual([]);
    expect(after).toMatchObject({
      id,
      cron: "30 1 * * *",
      isPaused: true,
      createdAt: before.createdAt,
    });
    expect(after?.template).toEqual(template({ body: Buffer.alloc(0), headers: {} }));
    expect(after).not.toHaveProperty("nextRunAt");
  });

  test("the state of the last tick follows its message", async () => {
    const id = await create("0 0 * * *");
    await runAll(midnight);
    const [tick] = await ticks();
    const finish = async (outcome: string) => {
      await engine.core.pool.query(
        `INSERT INTO delivery_logs (tenant_id, message_id, retried, logged_on, started_at, ended_at, outcome)
         SELECT $1, $2, (SELECT count(*) FROM delivery_logs), ($3::timestamptz AT TIME ZONE 'UTC')::date, $3, $3, $4`,
        [engine.tenantId, tick?.message_ids[0], new Date(midnight + 10), outcome],
      );
    };
    await finish("retry");
    expect(Object.values((await one(id)).lastFired)).toEqual(["in-progress"]);
    await engine.core.pool.query("DELETE FROM deliveries");
    expect((await one(id)).lastFired).toEqual({});
    await finish("delivered");
    expect(Object.values((await one(id)).lastFired)).toEqual(["success"]);
    await finish("dead");
    expect(Object.values((await one(id)).lastFired)).toEqual(["fail"]);
  });
});
