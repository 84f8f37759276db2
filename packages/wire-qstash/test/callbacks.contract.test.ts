import { createHash } from "node:crypto";
import type { Callback, PendingMessage } from "@omnistore/domain/message/message";
import { Client } from "@upstash/qstash";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FULL_TOKEN, uuid } from "./stand-in-engine.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

let wire: WireServer;
let client: Client;
beforeAll(async () => {
  wire = await startWire();
  client = new Client({ baseUrl: wire.url, token: FULL_TOKEN, devMode: false });
});
beforeEach(() => {
  wire.engine.published.splice(0);
  wire.engine.scheduled.splice(0);
});
afterAll(() => wire.close());

const callback: Callback = {
  url: "https://c.test",
  method: "PUT",
  headers: { "X-A": ["1"], "X-B": ["2"] },
  maxRetries: 2,
  options: { labels: ["not of the message"] },
};
const failureCallback: Callback = {
  url: "https://f.test",
  method: "POST",
  headers: { "X-C": ["3"] },
  options: {},
};

describe("01 §3 callbacks of the official client", () => {
  const CALLBACKS = {
    callback: "https://c.test",
    failureCallback: "https://f.test",
    headers: {
      "Upstash-Callback-Forward-X-A": "1",
      "Upstash-Callback-Forward-X-B": "2",
      "Upstash-Callback-Method": "PUT",
      "Upstash-Callback-Retries": "2",
      "Upstash-Callback-Label": "not of the message",
      "Upstash-Failure-Callback-Forward-X-C": "3",
    },
  };

  it("are part of a publish", async () => {
    await client.publish({ url: "https://example.com", ...CALLBACKS });
    const { options, headers } = wire.engine.takePublished();
    expect(options).toEqual({ callerIp: "127.0.0.1", callback, failureCallback });
    expect(headers).toEqual({});
  });

  it("are part of what a schedule makes", async () => {
    const destination = "https://example.com";
    await client.schedules.create({ destination, cron: "* * * * *", ...CALLBACKS });
    expect(wire.engine.scheduled[0]?.template.options).toEqual({
      callerIp: "127.0.0.1",
      callback,
      failureCallback,
    });
  });
});

const message: PendingMessage = {
  tenantId: "tenant-1",
  id: uuid(1),
  wire: "qstash",
  destination: "https://example.com/",
  method: "POST",
  headers: {},
  body: Buffer.alloc(0),
  maxRetries: 3,
  options: { callback, failureCallback },
  createdAt: 1_787_000_000_000,
  notBefore: 1_787_000_000_000,
};
const silent: Callback = { ...callback, headers: {} };

/** The same message (or template of a schedule) as every resource shows it. */
async function shown(options: PendingMessage["options"]) {
  const one = { ...message, options };
  wire.engine.messages.set(one.id, one);
  wire.engine.logs = {
    kind: "page",
    page: { items: [{ time: 1, state: "CREATED", message: one }] },
  };
  wire.engine.deadLetters.splice(0, Infinity, { id: uuid(9), message: one, diedAt: 1 });
  wire.engine.schedules.splice(0, Infinity, {
    id: "scd_1",
    cron: "* * * * *",
    template: one,
    isPaused: false,
    createdAt: 1,
    updatedAt: 1,
    lastFired: {},
  });
  const get = async (path: string) => (await wire.send(`GET ${path}`)).json();
  const id = `msg_${uuid(1).replaceAll("-", "")}`;
  return {
    message: await get(`/v2/messages/${id}`),
    schedule: await get("/v2/schedules/scd_1"),
    deadLetter: (await get("/v2/dlq")) as { messages: readonly unknown[] },
    log: (await get("/v2/events")) as { events: readonly unknown[] },
  };
}

describe("03 §1 callback, failureCallback and their headers", () => {
  it("are there under the names that each resource has for them", async () => {
    const urls = { callback: "https://c.test", failureCallback: "https://f.test" };
    const singular = {
      ...urls,
      callbackHeader: { "X-A": ["1"], "X-B": ["2"] },
      failureCallbackHeader: { "X-C": ["3"] },
    };
    const views = await shown({ callback, failureCallback });
    expect(views.message).toMatchObject(singular);
    expect(views.message).not.toHaveProperty("labels");
    expect(views.schedule).toMatchObject(singular);
    expect(views.deadLetter.messages[0]).toMatchObject(singular);
    const [entry] = views.log.events;
    expect(entry).toMatchObject({
      ...urls,
      callbackHeaders: singular.callbackHeader,
      failureCallbackHeaders: singular.failureCallbackHeader,
    });
    expect(entry).not.toHaveProperty("callbackHeader");
  });

  it("are left out when there is nothing to show", async () => {
    const none = await shown({});
    const bare = await shown({ callback: silent, failureCallback: silent });
    for (const views of [none, bare]) {
      const all = [
        views.message,
        views.schedule,
        views.deadLetter.messages[0],
        views.log.events[0],
      ];
      for (const view of all) expect(JSON.stringify(view)).not.toMatch(/[cC]allbackHeader/);
    }
    expect(JSON.stringify(none)).not.toMatch(/callback/i);
  });
});

const hash = (text: string) => `REDACTED:${createHash("sha256").update(text).digest("hex")}`;

describe("01 §7 redaction of what callbacks forward", () => {
  it("hides what the message hides, in both callbacks", async () => {
    const redaction = { body: false, headers: ["X-B", "X-C"] };
    const views = await shown({ callback, failureCallback, redaction });
    expect(views.message).toMatchObject({
      callbackHeader: { "X-A": ["1"], "X-B": [hash("2")] },
      failureCallbackHeader: { "X-C": [hash("3")] },
    });
  });

  it("hides what the callback hides of itself too", async () => {
    const hiding = { ...callback, options: { redaction: { body: true, headers: "all" as const } } };
    const views = await shown({ callback: hiding, failureCallback });
    expect(views.log.events[0]).toMatchObject({
      callbackHeaders: { "X-A": [hash("1")], "X-B": [hash("2")] },
      failureCallbackHeaders: { "X-C": ["3"] },
    });
  });
});
