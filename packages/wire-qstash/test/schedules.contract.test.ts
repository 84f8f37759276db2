import type { Schedule, ScheduleCommand } from "@omnistore/domain/schedule/schedule";
import { Client } from "@upstash/qstash";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FULL_TOKEN, READONLY_TOKEN, uuid } from "./stand-in-engine.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

let wire: WireServer;
let client: Client;
beforeAll(async () => {
  wire = await startWire();
  client = new Client({ baseUrl: wire.url, token: FULL_TOKEN, devMode: false });
});
beforeEach(() => {
  wire.engine.scheduled.splice(0);
  wire.engine.schedules.splice(0);
  wire.engine.scheduleChanges.splice(0);
});
afterAll(() => wire.close());

const CRON = "Upstash-Cron: 0 9 * * 1";

function created(): ScheduleCommand {
  const [command, ...more] = wire.engine.scheduled.splice(0);
  if (command === undefined || more.length > 0) throw new Error("expected one schedule");
  return command;
}

const plain: Schedule = {
  id: "scd_plain",
  cron: "* * * * *",
  template: {
    wire: "qstash",
    destination: "https://example.com/hook?a=b",
    method: "POST",
    headers: {},
    body: Buffer.alloc(0),
    maxRetries: 3,
    options: {},
  },
  isPaused: false,
  createdAt: 1_787_000_000_000,
  updatedAt: 1_787_000_000_000,
  lastFired: {},
};
const full: Schedule = {
  ...plain,
  id: "full.one",
  cron: "CRON_TZ=Europe/Berlin 0 9 * * *",
  template: {
    ...plain.template,
    method: "PUT",
    headers: { "Content-Type": ["text/plain"], "X-Two": ["a", "b"] },
    body: Buffer.from("grüße"),
    delayMs: 10_000,
    maxRetries: 0,
    options: {
      timeoutMs: 30_000,
      retryDelay: "1000 * retried",
      labels: ["first", "second"],
      callerIp: "192.0.2.7",
    },
  },
  isPaused: true,
  nextRunAt: 1_787_000_060_000,
  lastRunAt: 1_787_000_000_000,
  lastError: "no luck",
  lastFired: { [uuid(1)]: "in-progress", [uuid(2)]: "success", [uuid(3)]: "fail" },
};

describe("03 §3 POST /v2/schedules/{destination}", () => {
  it("the official client's whole request arrives in the command", async () => {
    const { scheduleId } = await client.schedules.create({
      destination: "https://example.com/a?b=c",
      cron: "  CRON_TZ=Asia/Tokyo 30 5 * * *  ",
      scheduleId: "my.schedule-1_x",
      method: "PATCH",
      body: "hello",
      headers: { "Test-Header": "value", "Content-Type": "text/plain" },
      delay: 10,
      retries: 7,
      retryDelay: "1000",
      timeout: "30s",
      label: "nightly",
      redact: { body: true },
    });
    expect(scheduleId).toBe("my.schedule-1_x");
    expect(created()).toMatchObject({
      tenantId: "tenant-1",
      id: "my.schedule-1_x",
      cron: { text: "CRON_TZ=Asia/Tokyo 30 5 * * *", expression: "30 5 * * *" },
      template: {
        wire: "qstash",
        destination: "https://example.com/a?b=c",
        method: "PATCH",
        headers: { "Test-Header": ["value"], "Content-Type": ["text/plain"] },
        body: Buffer.from("hello"),
        delayMs: 10_000,
        maxRetries: 7,
        options: {
          retryDelay: "1000",
          timeoutMs: 30_000,
          labels: ["nightly"],
          redaction: { body: true, headers: [] },
          callerIp: "127.0.0.1",
        },
      },
    });
  });

  it("an id is made when none is given, and what is not sent is unset", async () => {
    const { scheduleId } = await client.schedules.create({
      destination: "https://example.com/",
      cron: "* * * * *",
    });
    expect(scheduleId).toMatch(/^scd_[A-Za-z0-9]{20,}$/);
    const { id, template } = created();
    expect(id).toBe(scheduleId);
    expect(template).toEqual({
      ...plain.template,
      destination: "https://example.com/",
      headers: { "Content-Type": ["application/json"] },
      options: { callerIp: "127.0.0.1" },
    });
  });

  it("the content type default is the client's: without one none is delivered", async () => {
    await wire.send("POST /v2/schedules/https://example.com/", [CRON]);
    expect(created().template.headers).toEqual({});
  });

  it("the cron, the id and the token may come as query parameters", async () => {
    const target =
      "/v2/schedules/https://example.com/?a=b&upstash-cron=0+9+*+*+1&upstash-schedule-id=q";
    const answer = await wire.send(
      `POST ${target}&qstash_token=${encodeURIComponent(FULL_TOKEN)}`,
      ["Authorization: Basic other"],
    );
    expect(answer.json()).toEqual({ scheduleId: "q" });
    expect(created()).toMatchObject({
      cron: { text: "0 9 * * 1" },
      template: { destination: "https://example.com/?a=b" },
    });
  });

  it("01 §5 deduplication is asked of single publishes only: it is ignored", async () => {
    const headers = [CRON, "Upstash-Deduplication-Id: ", "Upstash-Content-Based-Deduplication: x"];
    const answer = await wire.send("POST /v2/schedules/https://example.com/", headers);
    expect(answer.status).toBe(200);
    expect(created().template).not.toHaveProperty("deduplication");
  });

  it("07 Q13 a publish with a cron makes a schedule", async () => {
    const answer = await wire.send("POST /v2/publish/https://example.com/", [CRON], "body");
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({ scheduleId: expect.stringMatching(/^scd_/) });
    expect(created()).toMatchObject({ template: { body: Buffer.from("body") } });
    expect(wire.engine.published).toEqual([]);
  });

  it.each([
    [[], "Upstash-Cron is missing"],
    [["Upstash-Cron: * * * *"], 'Upstash-Cron "* * * *" is not a cron expression: it has 4 fields'],
    [["Upstash-Cron: 0 * * * * *"], "6 fields instead of five"],
    [["Upstash-Cron: 0 0 30 2 *"], "no day ever matches"],
    [["Upstash-Cron: 61 * * * *"], 'minute is "61"'],
    [["Upstash-Cron: CRON_TZ=Nowhere 0 0 * * *"], 'time zone "Nowhere" is unknown'],
    [[CRON, "Upstash-Schedule-Id: a b"], 'Upstash-Schedule-Id "a b"'],
    [[CRON, "Upstash-Schedule-Id: a/b"], 'Upstash-Schedule-Id "a/b"'],
    [[CRON, `Upstash-Schedule-Id: ${"x".repeat(257)}`], "256"],
    [[CRON, "Upstash-Not-Before: 1900000000"], 'Upstash-Not-Before "1900000000"'],
    [[CRON, "Upstash-Delay: soon"], 'Upstash-Delay "soon"'],
    [[CRON, "Upstash-Method: OPTIONS"], 'Upstash-Method "OPTIONS"'],
  ])("refuses %j in words", async (headers, words) => {
    const answer = await wire.send("POST /v2/schedules/https://example.com/", headers);
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain(words);
    expect(wire.engine.scheduled).toEqual([]);
  });

  it.each(["no-such-group", "ftp://example.com/"])("refuses the destination %j", async (to) => {
    const answer = await wire.send(`POST /v2/schedules/${to}`, [CRON]);
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain("invalid destination url: endpoint has invalid scheme");
  });

  it("03 §9 a read-only token may look, not change", async () => {
    wire.engine.schedules.push(plain);
    const as = [`Authorization: Bearer ${READONLY_TOKEN}`, CRON];
    expect((await wire.send("GET /v2/schedules/scd_plain", as)).status).toBe(200);
    for (const line of [
      "POST /v2/schedules/https://example.com/",
      "DELETE /v2/schedules/scd_plain",
      "PATCH /v2/schedules/scd_plain/pause",
    ]) {
      expect((await wire.send(line, as)).status, line).toBe(403);
    }
  });
});

describe("03 §3 GET /v2/schedules", () => {
  it("a schedule with everything shows every field", async () => {
    wire.engine.schedules.push(full);
    const answer = await wire.send("GET /v2/schedules/full.one");
    expect(answer.json()).toEqual({
      scheduleId: "full.one",
      cron: "CRON_TZ=Europe/Berlin 0 9 * * *",
      destination: "https://example.com/hook?a=b",
      createdAt: 1_787_000_000_000,
      method: "PUT",
      isPaused: true,
      retries: 0,
      header: { "Content-Type": ["text/plain"], "X-Two": ["a", "b"] },
      body: "grüße",
      delay: 10,
      timeout: 30,
      retryDelayExpression: "1000 * retried",
      label: "first",
      labels: ["first", "second"],
      callerIp: "192.0.2.7",
      callerIP: "192.0.2.7",
      lastScheduleTime: 1_787_000_000_000,
      nextScheduleTime: 1_787_000_060_000,
      lastScheduleStates: {
        [`msg_${uuid(1).replaceAll("-", "")}`]: "IN_PROGRESS",
        [`msg_${uuid(2).replaceAll("-", "")}`]: "SUCCESS",
        [`msg_${uuid(3).replaceAll("-", "")}`]: "FAIL",
      },
      error: "no luck",
    });
  });

  it("what is empty is left out, and what Python requires is there", async () => {
    wire.engine.schedules.push(plain);
    const answer = await wire.send("GET /v2/schedules/scd_plain");
    expect(answer.json()).toEqual({
      scheduleId: "scd_plain",
      cron: "* * * * *",
      destination: "https://example.com/hook?a=b",
      createdAt: 1_787_000_000_000,
      method: "POST",
      isPaused: false,
      retries: 3,
    });
  });

  it("01 §7 what the schedule hides is hidden, and binary bodies are base64", async () => {
    const redaction = { body: true, headers: ["X-Two"] };
    wire.engine.schedules.push(
      { ...full, template: { ...full.template, options: { redaction } } },
      { ...plain, template: { ...plain.template, body: Buffer.from([255, 0]) } },
    );
    const [hidden, binary] = (await (await wire.send("GET /v2/schedules/")).json()) as object[];
    expect(hidden).toMatchObject({
      body: expect.stringMatching(/^REDACTED:[0-9a-f]{64}$/),
      header: {
        "Content-Type": ["text/plain"],
        "X-Two": [/^REDACTED:/, /^REDACTED:/].map((r) => expect.stringMatching(r)),
      },
    });
    expect(binary).toMatchObject({ bodyBase64: "/wA=" });
    expect(binary).not.toHaveProperty("body");
  });

  it("the official client lists and gets", async () => {
    wire.engine.schedules.push(plain, full);
    const listed = await client.schedules.list();
    expect(listed.map(({ scheduleId }) => scheduleId)).toEqual(["scd_plain", "full.one"]);
    expect(await client.schedules.get("full.one")).toMatchObject({
      cron: full.cron,
      isPaused: true,
    });
  });

  it("404 names the schedule that is not there", async () => {
    const answer = await wire.send("GET /v2/schedules/gone");
    expect([answer.status, answer.error()]).toEqual([404, 'schedule "gone" not found']);
  });
});

describe("03 §3 delete, pause and resume", () => {
  it("the official client's calls reach the engine", async () => {
    wire.engine.schedules.push(plain);
    await client.schedules.pause({ schedule: "scd_plain" });
    await client.schedules.resume({ schedule: "scd_plain" });
    await client.schedules.delete("scd_plain");
    expect(wire.engine.scheduleChanges).toEqual([
      "pause scd_plain",
      "resume scd_plain",
      "delete scd_plain",
    ]);
  });

  it.each(["PATCH", "POST"])("%s pauses and resumes", async (method) => {
    wire.engine.schedules.push(plain);
    for (const verb of ["pause", "resume"]) {
      expect((await wire.send(`${method} /v2/schedules/scd_plain/${verb}`)).status).toBe(200);
    }
    expect(wire.engine.scheduleChanges).toEqual(["pause scd_plain", "resume scd_plain"]);
  });

  it("07 Q39 a destination that ends in a verb is a destination", async () => {
    for (const destination of ["https://example.com/pause", "https://example.com/x/resume"]) {
      const answer = await wire.send(`POST /v2/schedules/${destination}`, [CRON]);
      expect(answer.status).toBe(200);
      expect(created().template.destination).toBe(destination);
    }
    const escaped = `${encodeURIComponent("https://example.com")}/pause`;
    await wire.send(`POST /v2/schedules/${escaped}`, [CRON]);
    expect(created().template.destination).toBe("https://example.com/pause");
    expect(wire.engine.scheduleChanges).toEqual([]);
  });

  it("07 Q22 what is absent is 404", async () => {
    for (const line of ["DELETE gone", "PATCH gone/pause", "POST gone/resume"]) {
      const [method, path] = line.split(" ");
      expect((await wire.send(`${method} /v2/schedules/${path}`)).status, line).toBe(404);
    }
  });

  it("other methods are refused with 405", async () => {
    for (const line of [
      "PUT /v2/schedules/x",
      "DELETE /v2/schedules",
      "DELETE /v2/schedules/",
      "GET /v2/schedules/x/pause",
    ]) {
      expect((await wire.send(line)).status, line).toBe(405);
    }
    expect(wire.engine.scheduleChanges).toEqual([]);
  });
});
