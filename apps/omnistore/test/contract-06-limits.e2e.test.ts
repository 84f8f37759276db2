import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { describe, expect, test } from "vitest";

import { ask, asOperator } from "./operator.ts";
import { world } from "./world.ts";

const there = world();

async function query<Row extends pg.QueryResultRow>(sql: string): Promise<readonly Row[]> {
  const database = new pg.Client({ connectionString: there.node.databaseUrl });
  await database.connect();
  const { rows } = await database.query<Row>(sql);
  await database.end();
  return rows;
}

/** Its minute would come on New Year's Day. */
const tick = () => query("UPDATE schedules SET next_run_at = now() WHERE id = 's'");

const publishOnce = () =>
  there.client.publish({ url: "https://example.com/", delay: 3600, deduplicationId: "once" });

/** Of a plan that says nothing else. */
const MOST_BYTES = 10 * 1024 * 1024;

describe("06 §2 limits not tied to a plan", () => {
  test("07 Q7 a deduplication id is open for ten minutes from the first message on", async () => {
    const first = await publishOnce();
    expect(await publishOnce()).toEqual({ ...first, deduplicated: true });
    const [row] = await query<{ open_ms: number }>(
      `SELECT (extract(epoch FROM d.expires_at - now()) * 1000)::int AS open_ms
       FROM deduplications d ORDER BY d.expires_at DESC LIMIT 1`,
    );
    expect(row?.open_ms).toBeGreaterThan(590_000);
    expect(row?.open_ms).toBeLessThanOrEqual(600_000);
    await query("UPDATE deduplications SET expires_at = now()");
    const third = await publishOnce();
    expect(third).not.toHaveProperty("deduplicated");
    expect(third.messageId).not.toBe(first.messageId);
  });

  test("a schedule's resolution is a minute: its next run is at a whole one", async () => {
    const { scheduleId } = await there.client.schedules.create({
      destination: "https://example.com/",
      cron: "* * * * *",
    });
    const schedule = await there.get(`/v2/schedules/${scheduleId}`);
    const next = Number(schedule["nextScheduleTime"]);
    expect(next % 60_000).toBe(0);
    expect(next - Date.now()).toBeLessThanOrEqual(60_000);
  });
});

describe("06 §4 which refusal", () => {
  test("07 Q20 a body over the size of a message is 413, alone as in a batch", async () => {
    const body = "x".repeat(MOST_BYTES + 1);
    for (const verb of ["publish", "enqueue/q"]) {
      const answer = await there.call(`POST /v2/${verb}/${there.receiver.url}`, { body });
      expect(answer).toMatchObject({ status: 413, json: { error: expect.any(String) as string } });
    }
    const good = { destination: `${there.receiver.url}/good` };
    const batch = JSON.stringify([good, { ...good, body }]);
    expect((await there.call("POST /v2/batch", { body: batch })).json).toEqual([
      { messageId: expect.any(String) as string },
      { error: expect.stringContaining("too large") as string },
    ]);
    await there.receiver.waitFor(1);
    expect(there.receiver.requests.map(({ url }) => url)).toEqual(["/good"]);
  });

  test("more than the service can do is 412, by header, callback and schedule", async () => {
    const cases: readonly (readonly [string, string])[] = [
      ["Upstash-Delay", "366d"],
      ["Upstash-Retries", "1001"],
      ["Upstash-Timeout", "3h"],
      ["Upstash-Callback-Retries", "1001"],
    ];
    for (const [name, value] of cases) {
      const headers = {
        "Upstash-Cron": "0 0 1 1 *",
        "Upstash-Callback": "https://example.com/",
        [name]: value,
      };
      for (const path of ["publish", "schedules"]) {
        const answer = await there.call(`POST /v2/${path}/https://example.com/`, { headers });
        expect(answer.status, answer.text).toBe(412);
        expect(answer.text).toContain(value);
      }
    }
    expect(await there.get("/v2/schedules")).toEqual([]);
  });

  test("02 §2 an attempt gets no longer than the plan allows by then, whatever its message asked for", async () => {
    const made = await asOperator(there.node, "POST", "/tenants", { name: "t", plan: "free" });
    const publish = (path: string) =>
      ask(there.node.url, "POST", `/v2/publish/${there.receiver.url}/${path}`, {
        token: String(made.body["token"]),
      });
    there.receiver.reply("/slow", () => "hang");
    await publish("slow?upstash-timeout=10m&upstash-delay=3s&upstash-retries=0");
    const limits = { timeoutMs: 300 };
    await asOperator(there.node, "PUT", `/tenants/${made.body.id}/plan`, { limits });
    const [entry] = await until(async () => {
      const { body } = await ask(there.node.url, "GET", "/v2/dlq", {
        token: String(made.body["token"]),
      });
      return body.messages.length > 0 && body.messages;
    });
    expect(entry).toMatchObject({ error: "no complete answer within 300 ms" });
  });

  test("a topic's default headers over the plan are refused when they are set, published and ticked", async () => {
    const made = await asOperator(there.node, "POST", "/tenants", { name: "t", plan: "free" });
    const limit = (retries: number) =>
      asOperator(there.node, "PUT", `/tenants/${made.body.id}/plan`, { limits: { retries } });
    const call = async (line: string, body?: object) => {
      const [method = "", path = ""] = line.split(" ");
      return ask(there.node.url, method, path, {
        token: String(made.body["token"]),
        ...(body && { body }),
      });
    };
    await limit(50);
    await call("POST /v2/topics/t/endpoints", { endpoints: [{ url: `${there.receiver.url}/t` }] });
    const headers = { "Upstash-Retries": "50" };
    expect((await call("PATCH /v2/topics/t", { headers })).status).toBe(200);
    await call("POST /v2/schedules/t?upstash-cron=0%200%201%201%20*&upstash-schedule-id=s");
    await limit(3);
    const refused = {
      error: expect.stringMatching(
        /^Upstash-Retries "50" is more than the limit of 3 retries for a message/,
      ) as string,
    };
    await until(async () => (await call("POST /v2/publish/t")).status === 412);
    expect(await call("POST /v2/publish/t")).toMatchObject({ status: 412, body: refused });
    expect(await call("PATCH /v2/topics/t", { headers })).toMatchObject({
      status: 412,
      body: refused,
    });
    await tick();
    const lost = await until(async () => {
      const { body } = await call("GET /v2/schedules/s");
      return body["error"] !== undefined && body;
    });
    expect(lost).toMatchObject(refused);
    const received = () => there.receiver.requests.filter(({ url }) => url === "/t").length;
    const before = received();
    await call("PATCH /v2/topics/t", { headers: { "Upstash-Retries": "3" } });
    await tick();
    await until(() => Promise.resolve(received() === before + 1));
    expect((await call("GET /v2/schedules/s")).body).not.toHaveProperty("error");
  });
});
