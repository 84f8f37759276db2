import { ANYWHERE } from "@omnistore/domain/deliver/destination-policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { qstashRoutes } from "../src/index.ts";
import { READONLY_TOKEN, StandInEngine } from "./stand-in-engine.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

const METHODS = ["POST", "PUT", "PATCH", "DELETE"];

/** Read from the router, so that a route added later is asked too. */
const { routes } = qstashRoutes(new StandInEngine(), { destinations: ANYWHERE });
const line = (method: string, path: string) =>
  `${method} ${path
    .replaceAll(/:\w+/g, "name")
    .replace("enqueue/*", "enqueue/queue/https://example.com/")
    .replace("/*", "/https://example.com/")}`;
const served = new Set([
  ...routes.filter(({ method }) => METHODS.includes(method)).map((r) => line(r.method, r.path)),
  "POST /v2/publish/https://example.com/",
  "POST /v2/enqueue/queue/https://example.com/",
  "POST /v2/schedules/https://example.com/",
  "PATCH /v2/schedules/name/pause",
  "POST /v2/schedules/name/resume",
  "DELETE /v2/schedules/name",
]);
const others = routes
  .flatMap(({ path }) => METHODS.map((method) => line(method, path)))
  .filter((request) => !served.has(request));

let wire: WireServer;
/** What the engine was asked for besides who the caller is. */
let asked: string[];
beforeAll(async () => {
  wire = await startWire();
  asked = [];
  const { engine } = wire;
  for (const verb of Object.getOwnPropertyNames(StandInEngine.prototype)) {
    const original: unknown = Reflect.get(engine, verb);
    if (["authenticate", "admit", "nowMs"].includes(verb) || typeof original !== "function")
      continue;
    const noted = (...given: unknown[]): unknown => {
      asked.push(verb);
      return Reflect.apply(original, engine, given);
    };
    Object.assign(engine, { [verb]: noted });
  }
});
afterAll(() => wire.close());

async function ask(request: string): Promise<number> {
  const answer = await wire.send(request, [`Authorization: Bearer ${READONLY_TOKEN}`]);
  return answer.status;
}

describe("03 §9 a read-only token", () => {
  it.each([...served])("may not %s: 403, and the engine is not asked", async (request) => {
    expect(await ask(request)).toBe(403);
    expect(asked).toEqual([]);
  });

  it.each([...new Set(others)])("gets no further with %s than anybody", async (request) => {
    expect([403, 404, 405]).toContain(await ask(request));
    expect(asked).toEqual([]);
  });

  it("is refused what a webhook may do with the token in its URL", async () => {
    const target = `/v2/publish/https://example.com?qstash_token=${READONLY_TOKEN}`;
    for (const method of ["GET", ...METHODS]) {
      const answer = await wire.send(`${method} ${target}`, ["Authorization:"]);
      expect(answer.status).toBe(403);
    }
    expect(asked).toEqual([]);
  });

  it("reads", async () => {
    expect(await ask("GET /v2/messages/name")).toBe(404);
    expect(await ask("GET /v2/logs")).toBe(200);
    expect(asked.splice(0)).toEqual(["listLogs"]);
  });
});
