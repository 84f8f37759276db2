import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";
import { DEVELOPMENT, officialClient, officialReceiver } from "@omnistore/testkit/official-client";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import type { Client } from "@upstash/qstash";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { startNode, type RunningNode } from "./running-node.ts";

const MINUTE = 60_000;

let node: RunningNode;
let client: Client;
let database: pg.Client;
let receiver: Receiver;
let schedulers: RunningProcess[];

beforeAll(async () => {
  node = await startNode();
  client = officialClient(node.url);
  database = new pg.Client({ connectionString: node.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await node.stop();
});
beforeEach(async () => {
  receiver = await startReceiver();
  schedulers = [];
});
afterEach(async () => {
  await Promise.all(schedulers.map((each) => each.end("SIGKILL")));
  await database.query("DELETE FROM schedules");
  await receiver.close();
});

async function startScheduler(): Promise<RunningProcess> {
  const scheduler = startProcess("apps/scheduler/src/main.ts", { DATABASE_URL: node.databaseUrl });
  schedulers.push(scheduler);
  await scheduler.line("the scheduler is running");
  return scheduler;
}

/** Makes a schedule due now, as if its minute had come. */
async function makeDue(scheduleId: string): Promise<void> {
  await database.query("UPDATE schedules SET next_run_at = now() WHERE id = $1", [scheduleId]);
}

/** Sets the default headers of the topic `t`. */
async function setHeaders(headers: Readonly<Record<string, string>>): Promise<void> {
  const response = await fetch(`${node.url}/v2/topics/t`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${DEVELOPMENT.token}` },
    body: JSON.stringify({ headers }),
  });
  expect(response.status).toBe(200);
}

async function count(sql: string): Promise<number> {
  const { rows } = await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`);
  return rows[0]?.n ?? -1;
}

describe("03 §3 schedules through the official client", () => {
  test("a schedule shows what it was created with, and a new definition replaces it whole", async () => {
    const { scheduleId } = await client.schedules.create({
      destination: "https://example.com/first?a=b",
      scheduleId: "replaced",
      cron: "CRON_TZ=Europe/Berlin 0 9 * * *",
      body: "first",
      headers: { "X-First": "yes" },
      delay: 10,
      retries: 1,
    });
    expect(scheduleId).toBe("replaced");
    const first = await client.schedules.get("replaced");
    expect(first).toMatchObject({
      scheduleId: "replaced",
      cron: "CRON_TZ=Europe/Berlin 0 9 * * *",
      destination: "https://example.com/first?a=b",
      method: "POST",
      header: { "X-First": ["yes"], "Content-Type": ["application/json"] },
      body: "first",
      delay: 10,
      retries: 1,
      isPaused: false,
    });
    expect((first as unknown as { nextScheduleTime: number }).nextScheduleTime).toBeGreaterThan(
      Date.now(),
    );

    await client.schedules.create({
      destination: "https://example.com/second",
      scheduleId: "replaced",
      cron: "0 0 1 1 *",
    });
    const listed = await client.schedules.list();
    expect(listed).toHaveLength(1);
    expect(listed[0]).toMatchObject({ destination: "https://example.com/second", retries: 3 });
    for (const unset of ["body", "delay"]) expect(listed[0]).not.toHaveProperty(unset);
    expect(listed[0]?.header).toEqual({ "Content-Type": ["application/json"] });
    expect(listed[0]?.createdAt).toBe(first.createdAt);

    await client.schedules.delete("replaced");
    await expect(client.schedules.get("replaced")).rejects.toMatchObject({ status: 404 });
    await expect(client.schedules.delete("replaced")).rejects.toMatchObject({ status: 404 });
    expect(await client.schedules.list()).toEqual([]);
  });

  test("a tick delivers the signed message, and its end can be read from the schedule", async () => {
    await startScheduler();
    const { scheduleId } = await client.schedules.create({
      destination: `${receiver.url}/job`,
      cron: "0 0 1 1 *",
      method: "PUT",
      body: '{"a":1}',
      headers: { "X-Job": "nightly" },
      label: "jobs",
    });
    await makeDue(scheduleId);
    const [request] = await receiver.waitFor(1);
    expect(request).toMatchObject({ method: "PUT", url: "/job" });
    expect(request?.headers).toMatchObject({
      "upstash-schedule-id": scheduleId,
      "upstash-caller-ip": "127.0.0.1",
      "x-job": "nightly",
      "content-type": "application/json",
    });
    const signature = String(request?.headers["upstash-signature"]);
    const body = request?.body.toString() ?? "";
    await expect(
      officialReceiver().verify({ signature, body, url: `${receiver.url}/job` }),
    ).resolves.toBe(true);

    const messageId = String(request?.headers["upstash-message-id"]);
    const schedule = await until(async () => {
      const read = await client.schedules.get(scheduleId);
      return read.lastScheduleStates?.[messageId] === "SUCCESS" && read;
    });
    expect(Object.keys(schedule.lastScheduleStates ?? {})).toEqual([messageId]);
    const { events } = await client.events({ filter: { scheduleId } });
    expect(new Set(events.map((event) => event.messageId))).toEqual(new Set([messageId]));
    expect(events.map((event) => event.state)).toContain("DELIVERED");
  });

  test("00 §8 what a topic's headers say at the tick takes the place of what the schedule leaves out", async () => {
    await startScheduler();
    await client.urlGroups.addEndpoints({ name: "t", endpoints: [{ url: `${receiver.url}/t` }] });
    await setHeaders({ "Upstash-Forward-X-Topic": "before", "Upstash-Forward-X-Both": "topic" });
    const { scheduleId } = await client.schedules.create({
      destination: "t",
      cron: "0 0 1 1 *",
      body: "x",
      headers: { "X-Both": "own", "X-Own": "grüße" },
    });
    await setHeaders({ "Upstash-Forward-X-Topic": "after", "Upstash-Method": "PUT" });
    await makeDue(scheduleId);
    const [request] = await receiver.waitFor(1);
    expect(request).toMatchObject({ method: "PUT", url: "/t" });
    expect(request?.headers).toMatchObject({
      "x-topic": "after",
      "x-both": "own",
      "x-own": "grüße",
      "upstash-schedule-id": scheduleId,
      "upstash-caller-ip": "127.0.0.1",
    });
    await client.urlGroups.delete("t");
  });

  test("a message that a schedule made and that fails shows as FAIL", async () => {
    await startScheduler();
    receiver.reply(() => ({ status: 500 }));
    const { scheduleId } = await client.schedules.create({
      destination: receiver.url,
      cron: "0 0 1 1 *",
      retries: 0,
    });
    await makeDue(scheduleId);
    const states = await until(async () => {
      const { lastScheduleStates } = await client.schedules.get(scheduleId);
      return Object.values(lastScheduleStates ?? {})[0] === "FAIL" && lastScheduleStates;
    });
    expect(Object.keys(states)).toHaveLength(1);
  });

  test("a paused schedule does not fire, also across a restart; resumed, it does", async () => {
    const first = await startScheduler();
    const { scheduleId } = await client.schedules.create({
      destination: receiver.url,
      cron: "* * * * *",
    });
    await client.schedules.pause({ schedule: scheduleId });
    await first.end("SIGTERM");
    await startScheduler();
    const paused = await client.schedules.get(scheduleId);
    expect(paused.isPaused).toBe(true);
    expect(paused).not.toHaveProperty("nextScheduleTime");
    await client.schedules.resume({ schedule: scheduleId });
    expect((await client.schedules.get(scheduleId)).isPaused).toBe(false);
    await makeDue(scheduleId);
    await receiver.waitFor(1);
  });
});

describe("03 §3 schedulers", () => {
  test(
    "a schedule that was just created fires at its next minute, less than a second late",
    { timeout: 90_000 },
    async () => {
      // With nothing in sight the schedulers rest; the news must reach them.
      await Promise.all([startScheduler(), startScheduler()]);
      const untilMinute = MINUTE - (Date.now() % MINUTE);
      // Enough time before the tick for the request itself.
      if (untilMinute < 500) await new Promise((resolve) => setTimeout(resolve, untilMinute));
      const tick = Math.ceil(Date.now() / MINUTE) * MINUTE;
      const { scheduleId } = await client.schedules.create({
        destination: receiver.url,
        cron: "* * * * *",
      });
      const [request] = await receiver.waitFor(1, { timeoutMs: 65_000 });
      await client.schedules.delete(scheduleId);
      const lateMs = (request?.arrivedAt ?? Number.NaN) - tick;
      console.info(`fired ${lateMs.toFixed(1)} ms after its minute`);
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(1_000);
      expect(receiver.requests).toHaveLength(1);
    },
  );

  test("three of them fire each tick once, also when one is killed in the middle", async () => {
    const SCHEDULES = 6_000;
    await client.schedules.create({
      destination: `${receiver.url}/many`,
      scheduleId: "pattern",
      cron: "0 0 1 1 *",
    });
    // All due at one moment, two seconds from now, when all three are up.
    await Promise.all([startScheduler(), startScheduler(), startScheduler()]);
    await database.query(
      `INSERT INTO schedules (tenant_id, id, cron, wire, destination, method, headers, body, max_retries, next_run_at)
       SELECT tenant_id, 'many-' || n, cron, wire, destination, method, headers, body, max_retries,
         date_trunc('second', now()) + interval '2 s'
       FROM schedules, generate_series(1, $1::int) n WHERE id = 'pattern'`,
      [SCHEDULES],
    );
    await until(async () => (await count("schedule_ticks WHERE schedule_id LIKE 'many-%'")) > 0);
    await schedulers[0]?.end("SIGKILL");
    const firedBefore = await count("schedule_ticks WHERE schedule_id LIKE 'many-%'");
    expect(firedBefore).toBeLessThan(SCHEDULES);
    await receiver.waitFor(SCHEDULES, { timeoutMs: 40_000 });
    expect(await count("schedules WHERE id LIKE 'many-%' AND next_run_at <= now()")).toBe(0);
    expect(await count("schedule_ticks WHERE schedule_id LIKE 'many-%'")).toBe(SCHEDULES);
    expect(await count("messages WHERE options->>'scheduleId' LIKE 'many-%'")).toBe(SCHEDULES);
    expect(
      new Set(receiver.requests.map(({ headers }) => headers["upstash-schedule-id"])).size,
    ).toBe(SCHEDULES);
    expect(receiver.requests).toHaveLength(SCHEDULES);
  });
});
