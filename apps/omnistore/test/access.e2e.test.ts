import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ask, asOperator, type Answer } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { startSecondApi } from "./second-api.ts";
import { ADMIN_TOKEN } from "./tenant.ts";

/** Served to everybody, and why. */
const OPEN = new Set([
  "GET /healthz", // a probe has no token
  "GET /readyz",
  "GET /echo", // development mode only
  "ALL /echo",
]);
/** Not routes of their own: they guard, or say that there is nothing. */
const FRAMES = new Set(["ALL /admin/v1/*", "ALL /v1/*", "ALL /v2/*"]);
/** What one pattern serves by several methods and paths. */
const BEHIND: Readonly<Record<string, readonly string[]>> = {
  "ALL /v2/publish/*": ["POST /v2/publish/{topic}", "POST /v2/publish/http://127.0.0.1:9/"],
  "ALL /v2/enqueue/*": ["POST /v2/enqueue/{queue}/http://127.0.0.1:9/"],
  "ALL /v2/schedules/*": [
    "POST /v2/schedules/http://127.0.0.1:9/?upstash-cron=0%200%20*%20*%20*&upstash-schedule-id={schedule}",
    "GET /v2/schedules/{schedule}",
    "DELETE /v2/schedules/{schedule}",
    "POST /v2/schedules/{schedule}/pause",
    "POST /v2/schedules/{schedule}/resume",
    "PATCH /v2/schedules/{schedule}/pause",
    "PATCH /v2/schedules/{schedule}/resume",
  ],
};
const SENDS = /^POST \/v2\/(publish\/|enqueue\/|batch\/?$)/;

/** What a request has to bring so that it would be served; a new route that needs more fails below. */
const BODIES: Readonly<Record<string, unknown>> = {
  "POST /v2/batch/": [{ destination: "http://127.0.0.1:9/" }],
  "POST /v2/batch": [{ destination: "{topic}" }, { destination: "http://127.0.0.1:9/" }],
  "POST /v2/topics/{topic}/endpoints": { endpoints: [{ url: "http://127.0.0.1:9/" }] },
  "DELETE /v2/topics/{topic}/endpoints": { endpoints: [{ url: "http://127.0.0.1:9/" }] },
  "PATCH /v2/topics/{topic}": { headers: { "Upstash-Retries": "1" } },
  "POST /v2/queues": { queueName: "{queue}" },
  "POST /v2/queues/": { queueName: "{queue}" },
  "DELETE /v2/messages": { messageIds: ["{message}"] },
  "DELETE /v2/dlq": { dlqIds: ["{deadLetter}"] },
  "POST /v2/dlq/retry": { dlqIds: ["{deadLetter}"] },
  "POST /v1/tokens": { name: "another", role: "publish" },
  "POST /admin/v1/tenants": { name: "another" },
  "POST /admin/v1/tenants/{tenant}/tokens": { name: "another", role: "publish" },
};
const QUERIES: Readonly<Record<string, string>> = {
  "POST /v2/flowControl/{flow}/pin": "?parallelism=1",
  "POST /v2/flowControl/{flow}/unpin": "?parallelism=true",
};
/** Served by a refusal, whoever asks: an id that is empty, and a backend that this server has not. */
const REFUSED_TO_ALL =
  /^(DELETE \/v2\/(messages|dlq)\/|POST \/v2\/dlq\/retry\/|POST \/v2\/(queues|flowControl)\/\/\w+|POST \/llm\/.*)$/;

const PARAMETERS: readonly (readonly [RegExp, string])[] = [
  [/(\/topics\/):name/, "$1{topic}"],
  [/(\/queues\/):name/, "$1{queue}"],
  [/(\/flowControl\/):\w+/, "$1{flow}"],
  [/(\/messages\/):id/, "$1{message}"],
  [/(\/dlq\/(?:retry\/)?):id/, "$1{deadLetter}"],
  [/(\/tokens\/):tokenId/, "$1{token}"],
  [/(\/admin\/v1\/tenants\/):id/, "$1{tenant}"],
];

type Ids = Readonly<Record<string, string>>;
interface Identity {
  readonly id: string;
  readonly token: string;
  readonly readonlyToken: string;
}

let node: RunningNode;
let api: Awaited<ReturnType<typeof startSecondApi>>;
/** The tenant whose things nobody else may see, and those things. */
let owner: Identity;
let owned: Ids;
/** Ids of the same form that nobody has. */
let unknown: Ids;
/** Tokens of one tenant that has nothing, by what is special about them. */
let tokens: Readonly<
  Record<"bad" | "revoked" | "expired" | "readonly" | "publish" | "suspended", string>
>;

async function newTenant(name: string): Promise<Identity> {
  const { body } = await asOperator(node, "POST", "/tenants", { name });
  return body as Identity;
}

async function issue(tenantId: string, role: string, over: object = {}) {
  const given = { name: role, role, ...over };
  const { body } = await asOperator(node, "POST", `/tenants/${tenantId}/tokens`, given);
  return body as { id: string; token: string };
}

/** Another id of the same form. */
const alter = (id: string) => id.slice(0, -1) + (id.endsWith("7") ? "6" : "7");

async function makeThings(tenant: Identity): Promise<Ids> {
  const make = (method: string, path: string, body?: unknown) =>
    ask(node.url, method, path, { token: tenant.token, body });
  const far = "http://127.0.0.1:9/?upstash-delay=1d";
  const { body: message } = await make("POST", `/v2/publish/${far}`, {});
  await make("POST", "/v2/topics/topic-1/endpoints", {
    endpoints: [{ url: "http://127.0.0.1:9/" }],
  });
  await make("POST", "/v2/queues", { queueName: "queue-1" });
  const flow = "upstash-flow-control-key=flow-1&upstash-flow-control-value=parallelism%3D1";
  await make("POST", `/v2/publish/${far}&${flow}`, {});
  const cron = "upstash-cron=0%200%20*%20*%20*&upstash-schedule-id=schedule-1";
  await make("POST", `/v2/schedules/http://127.0.0.1:9/?${cron}`, {});
  await make("POST", "/v2/publish/http://127.0.0.1:9/?upstash-retries=0", {});
  const dead = await until(async () => {
    const { body } = await make("GET", "/v2/dlq");
    return body.messages[0]?.dlqId as string | undefined;
  });
  return {
    message: message.messageId,
    topic: "topic-1",
    queue: "queue-1",
    flow: "flow-1",
    schedule: "schedule-1",
    deadLetter: dead,
    token: (await issue(tenant.id, "full")).id,
    tenant: tenant.id,
  };
}

beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  api = await startSecondApi(node, { OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  owner = await newTenant("owner");
  owned = await makeThings(owner);
  unknown = Object.fromEntries(Object.entries(owned).map(([kind, id]) => [kind, alter(id)]));
  const [other, suspended] = [await newTenant("other"), await newTenant("suspended")];
  const revoked = await issue(other.id, "full");
  const expired = await issue(other.id, "full", { expiresAt: Date.now() - 1_000 });
  await asOperator(node, "DELETE", `/tenants/${other.id}/tokens/${revoked.id}`);
  await asOperator(node, "POST", `/tenants/${suspended.id}/suspend`);
  tokens = {
    bad: Buffer.from(JSON.stringify({ UserID: other.id, Password: "guess" })).toString("base64"),
    revoked: revoked.token,
    expired: expired.token,
    readonly: other.readonlyToken,
    publish: (await issue(other.id, "publish")).token,
    suspended: suspended.token,
  };
});
afterAll(async () => {
  await api.stop();
  await node.stop();
});

/** Every request that the real app serves, as `METHOD /path` with ids left open. */
function served(): readonly string[] {
  const patterns = new Set(api.routes.map(({ method, path }) => `${method} ${path}`));
  const lines = [...patterns].flatMap((pattern) => {
    if (OPEN.has(pattern) || FRAMES.has(pattern)) return [];
    const behind = BEHIND[pattern];
    if (behind !== undefined) return behind;
    const [method = "", path = ""] = pattern.split(" ");
    // What serves the other methods of a path says so, and nothing else.
    if (method === "ALL") {
      const isRest = [...patterns].some(
        (each) => !each.startsWith("ALL ") && each.endsWith(` ${path}`),
      );
      expect(isRest, `${pattern} is nowhere in this test`).toBe(true);
      return [];
    }
    return [PARAMETERS.reduce((line, [from, to]) => line.replace(from, to), pattern)];
  });
  for (const line of lines) expect(line, "an id that this test does not know").not.toMatch(/\/:/);
  return lines;
}

/** Sends a request with certain ids in it, wherever they stand. */
function send(line: string, ids: Ids, token?: string): Promise<Answer> {
  const fill = (text: string) =>
    text.replaceAll(/\{(\w+)\}/g, (_, kind: string) => ids[kind] ?? "");
  const [method = "", path = ""] = (line + (QUERIES[line] ?? "")).split(" ");
  const given = BODIES[line];
  const body: unknown = given === undefined ? undefined : JSON.parse(fill(JSON.stringify(given)));
  return ask(node.url, method, fill(path), { token, body });
}

/** An answer without the ids that were asked for and those that were made for it. */
function comparable({ status, body }: Answer, ids: Ids) {
  const text = Object.values(ids).reduce(
    (shown, id) => shown.replaceAll(id, "…"),
    JSON.stringify(body),
  );
  return { status, body: text.replaceAll(/msg_\w+|"(createdAt|updatedAt)":\d+/g, "…") };
}

const HEADING = `# Who may do what

<!-- Written by apps/omnistore/test/access.e2e.test.ts (run it with -u), which asks the running service. -->

What each route answers, by the token that comes with the request. The ids in the request are unknown to the caller;
those of the column "other tenant's ids" exist and belong to somebody else, and the answer to them is the same, status
and body, as to ids that nobody has. Routes below \`/admin\` take the operator's token and no other.
`;

/** What was answered, by route and column: becomes the table of the guide. */
const seen = new Map<string, Map<string, number>>();
function note(line: string, column: string, { status }: Answer): void {
  const row = seen.get(line) ?? new Map<string, number>();
  seen.set(line, row.set(column, status));
}

const isOperators = (line: string) => line.includes(" /admin/v1/");
const isGet = (line: string) => line.startsWith("GET ");
/** What may be asked of the running app is known when it runs, so each test walks all of it. */
const walk = async (lines: readonly string[], look: (line: string) => Promise<void>) => {
  expect(lines.length).toBeGreaterThan(10);
  for (const line of lines) await look(line);
};
const tenants = () => served().filter((line) => !isOperators(line));

describe("00 §2 every route", () => {
  test.each(["none", "bad", "revoked", "expired"] as const)("refuses a token that is %s", (kind) =>
    walk(served(), async (line) => {
      const token = kind === "none" ? undefined : tokens[kind];
      const answer = await send(line, unknown, token);
      note(line, kind, answer);
      expect(answer, line).toMatchObject({ status: 401, body: { error: expect.any(String) } });
    }),
  );

  test(
    "serves a full token, which shows that the requests of this test are right",
    () =>
      walk(tenants(), async (line) => {
        const fresh = await newTenant("fresh");
        const things = line.includes("{") || BODIES[line] ? await makeThings(fresh) : unknown;
        const answer = await send(line, things, fresh.token);
        const { status } = answer;
        note(line, "full", answer);
        const refusals = REFUSED_TO_ALL.test(line) ? [400, 404] : [];
        expect([200, 201, 202, ...refusals], line).toContain(status);
      }),
    120_000,
  );

  test("answers a read-only token as a full one when it looks, and with 403 when it does not", () =>
    walk(tenants(), async (line) => {
      const answer = await send(line, unknown, tokens.readonly);
      const { status } = answer;
      note(line, "readonly", answer);
      if (isGet(line)) expect([200, 404], line).toContain(status);
      else expect(status, line).toBe(403);
    }));

  test("lets a publish token send, and answers 403 to all else", () =>
    walk(tenants(), async (line) => {
      const answer = await send(line, unknown, tokens.publish);
      const { status } = answer;
      note(line, "publish", answer);
      if (SENDS.test(line)) expect([200, 400], line).toContain(status);
      else expect(status, line).toBe(403);
    }));

  test("tells a suspended tenant that it is suspended", () =>
    walk(tenants(), async (line) => {
      const answer = await send(line, unknown, tokens.suspended);
      note(line, "suspended", answer);
      expect(answer, line).toMatchObject({
        status: 403,
        body: { error: expect.stringContaining("suspended") },
      });
    }));

  test(
    "answers for the ids of another tenant exactly as for ids that nobody has",
    () =>
      walk(
        tenants().filter((line) => /\{[a-z]+\}/i.test(`${line}${JSON.stringify(BODIES[line])}`)),
        async (line) => {
          // Fresh ones each time: what one request makes must not be there for the next.
          const [one, two] = [await newTenant("stranger"), await newTenant("stranger")];
          const answer = await send(line, owned, one.token);
          note(line, "other tenant", answer);
          const others = comparable(answer, owned);
          const nobodys = comparable(await send(line, unknown, two.token), unknown);
          expect(others, line).toEqual(nobodys);
        },
      ),
    120_000,
  );

  test("and leaves everything of that tenant as it was", async () => {
    for (const path of [
      "/v2/messages/{message}",
      "/v2/topics/{topic}",
      "/v2/queues/{queue}",
      "/v2/schedules/{schedule}",
      "/v2/dlq/{deadLetter}",
      "/v2/flowControl/{flow}",
    ]) {
      const answer = await send(`GET ${path}`, owned, owner.token);
      expect(answer.status, path).toBe(200);
      expect(JSON.stringify(answer.body), path).not.toMatch(/"(isPaused|paused)":true/);
    }
    const { body } = await ask(node.url, "GET", "/v1/tokens", { token: owner.token });
    expect(body.tokens.map(({ id }: { id: string }) => id)).toContain(owned["token"]);
  });

  test("of the operator is closed to every token of a tenant", () =>
    walk(served().filter(isOperators), async (line) => {
      const { bad: _, ...others } = tokens;
      for (const [kind, token] of Object.entries({ ...others, full: owner.token })) {
        const answer = await send(line, owned, token);
        note(line, kind, answer);
        expect(answer.status, `${line} with a token that is ${kind}`).toBe(401);
      }
    }));

  test("is in the table of the guide, as it was answered here", async () => {
    const columns = [
      ["none", "no token"],
      ["bad", "bad"],
      ["revoked", "revoked"],
      ["expired", "expired"],
      ["readonly", "read-only"],
      ["publish", "publish-only"],
      ["other tenant", "other tenant's ids"],
      ["suspended", "suspended"],
      ["full", "full"],
    ] as const;
    const cells = (line: string) => columns.map(([column]) => seen.get(line)?.get(column) ?? "–");
    const rows = served().map((line) => [`\`${line.split("?")[0]}\``, ...cells(line)]);
    const table = [
      ["route", ...columns.map(([, title]) => title)],
      ["---", ...columns.map(() => "---")],
      ...rows,
    ].map((row) => `| ${row.join(" | ")} |`);
    const text = `${HEADING}\n${table.join("\n")}\n`;
    await expect(text).toMatchFileSnapshot("../../../docs/access.md");
  });
});
