import type { Schedule } from "@omnistore/domain/schedule/schedule";
import { until } from "@omnistore/testkit/until";
import { Client } from "@upstash/qstash";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FULL_TOKEN } from "./stand-in-engine.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

const PARTS = 200;
const BODY = Buffer.alloc(256 * 1024, "a");

let wire: WireServer;
let client: Client;
/** Parts of the list that were asked for so far. */
let asked = 0;
let failsAt = Number.POSITIVE_INFINITY;
beforeAll(async () => {
  wire = await startWire();
  client = new Client({ baseUrl: wire.url, token: FULL_TOKEN, devMode: false });
  wire.engine.listSchedules = async function* () {
    for (asked = 1; asked <= PARTS; asked += 1) {
      if (asked === failsAt) throw new Error("the database went away");
      yield [schedule(asked)];
    }
  };
});
afterAll(() => wire.close());

function schedule(number: number): Schedule {
  return {
    id: `scd_${number}`,
    cron: "* * * * *",
    template: {
      wire: "qstash",
      destination: "https://example.com/",
      method: "POST",
      headers: {},
      body: BODY,
      maxRetries: 3,
      options: {},
    },
    isPaused: false,
    createdAt: 1_787_000_000_000,
    updatedAt: 1_787_000_000_000,
    lastFired: {},
  };
}

describe("03 §3 a list that does not fit into memory", () => {
  it("reaches the SDK whole: GET /v2/schedules, schedules.list()", async () => {
    const schedules = await client.schedules.list();
    expect(schedules.map(({ scheduleId }) => scheduleId)).toEqual(
      Array.from({ length: PARTS }, (_, index) => `scd_${index + 1}`),
    );
    expect(schedules.every(({ body }) => body?.length === BODY.length)).toBe(true);
  });

  it("is read as fast as its client reads and not faster", async () => {
    const socket = connect(Number(new URL(wire.url).port), "127.0.0.1");
    asked = 0;
    socket.write(
      `GET /v2/schedules HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${FULL_TOKEN}\r\n\r\n`,
    );
    await until(() => Promise.resolve(asked > 2));
    // Twice the same: what the kernel buffers is full.
    await until(async () => {
      const before = asked;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return asked === before;
    });
    expect(asked).toBeLessThan(PARTS / 2);
    socket.resume();
    await until(() => Promise.resolve(asked > PARTS));
    socket.destroy();
  });

  it("breaks off when it cannot be read to its end, and never looks like the whole", async () => {
    failsAt = 10;
    await expect(client.schedules.list()).rejects.toThrow("terminated");
    expect(wire.errors.map(String)).toEqual(["Error: the database went away"]);
    failsAt = 2;
    const refused = await fetch(`${wire.url}/v2/schedules`, {
      headers: { authorization: `Bearer ${FULL_TOKEN}` },
    });
    expect(refused.status).toBe(500);
    expect(await refused.json()).toEqual({ error: "internal error" });
    failsAt = Number.POSITIVE_INFINITY;
  });
});
