import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ask, asOperator } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { startSecondApi } from "./second-api.ts";
import {
  BODIES,
  comparable,
  DESTINATION,
  namesIds,
  sendLine,
  servedRequests,
  type Ids,
} from "./served-requests.ts";
import { ADMIN_TOKEN } from "./tenant.ts";
import { alterId, makeThings, newTenant, type Identity } from "./tenant-things.ts";

const HOSTED = {
  OMNISTORE_MODE: "hosted",
  OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN,
  OMNISTORE_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
  OMNISTORE_ALLOW_NETWORKS: "127.0.0.1/32",
};

const FILTERS = [
  "topicName={topic}",
  "scheduleId={schedule}",
  "queueName={queue}",
  "flowControlKey={flow}",
  "label={label}",
];
const OF_LOGS = [...FILTERS, "messageId={message}", "messageId={deadMessage}", "cursor={cursor}"];
const OF_DEAD_LETTERS = [
  ...FILTERS,
  "messageId={deadMessage}",
  "dlqIds={deadLetter}",
  "cursor={deadCursor}",
];
const OF_PUBLISHES = [
  "upstash-deduplication-id={once}",
  "upstash-flow-control-key={flow}&upstash-flow-control-value=parallelism%3D5",
  "upstash-label={label}",
];

/** Where else than in its path a request can name a thing: in its query, */
const QUERIES: Readonly<Record<string, readonly string[]>> = {
  "POST /v2/publish/{destination}": OF_PUBLISHES,
  "POST /v2/enqueue/{queue}/{destination}": OF_PUBLISHES,
  "DELETE /v2/messages": [...FILTERS, "messageIds={message}"],
  "GET /v2/messages/{message}": ["dlqId={deadLetter}"],
  "GET /v2/logs": OF_LOGS,
  "GET /v2/logs/": OF_LOGS,
  "GET /v2/events": OF_LOGS,
  "GET /v2/events/": OF_LOGS,
  "GET /v2/dlq": OF_DEAD_LETTERS,
  "GET /v2/dlq/": OF_DEAD_LETTERS,
  "DELETE /v2/dlq": OF_DEAD_LETTERS,
  "POST /v2/dlq/retry": OF_DEAD_LETTERS,
  "GET /v2/flowControl": ["search={flow}"],
  "GET /v2/flowControl/": ["search={flow}"],
  "GET /v1/audit": ["cursor={idCursor}"],
  "GET /admin/v1/tenants": ["cursor={idCursor}"],
  "GET /admin/v1/audit": ["cursor={idCursor}"],
};
/** or in its body. */
const items = ["{topic}", "{destination}"].flatMap((destination) => [
  { destination, headers: { "Upstash-Deduplication-Id": "{once}" } },
  { destination, queue: "{queue}" },
]);
const BODIES_TOO: Readonly<Record<string, readonly unknown[]>> = {
  "POST /v2/batch": [items],
  "POST /v2/batch/": [items],
  "DELETE /v2/messages": [{ messageIds: ["{deadMessage}"] }],
};

/** Requests that can name nothing: what they answer with is the caller's own. */
const NAMELESS = [
  /^GET \/v2\/(topics|schedules|keys|queues|globalParallelism)\/?$/,
  /^GET \/v1\/(tokens|keys|usage|limits)$/,
  /^POST \/v[12]\/keys\/rotate$/,
  /^POST \/v1\/tokens$/,
  /^POST \/admin\/v1\/tenants$/,
  // Refused to everybody: an id that is empty, and what this server has not.
  /^(DELETE \/v2\/(messages|dlq)\/|POST \/v2\/dlq\/retry\/|POST \/v2\/(queues|flowControl)\/\/\w+|POST \/llm\/.*)$/,
];

let node: RunningNode;
let api: Awaited<ReturnType<typeof startSecondApi>>;
let database: pg.Client;
/** Whose things nobody else may see or touch, and those things. */
let owner: Identity;
let owned: Ids;
/** Ids of the same form that nobody has. */
let unknown: Ids;

beforeAll(async () => {
  node = await startNode(HOSTED);
  api = await startSecondApi(node, HOSTED);
  database = new pg.Client({ connectionString: node.databaseUrl });
  await database.connect();
  owner = await newTenant(node, "owner");
  const things = await makeThings(node, owner, "owners1");
  owned = { ...things, ...cursorsOf(things) };
  const altered = Object.fromEntries(
    Object.entries(things).map(([kind, id]) => [kind, alterId(id)] as const),
  );
  unknown = { ...altered, ...cursorsOf(altered) };
});
afterAll(async () => {
  await database.end();
  await api.stop();
  await node.stop();
});

/** Cursors that end a page at a thing, as the lists of logs, dead letters and audits write them. */
function cursorsOf({ deadMessage = "", deadLetter = "", token = "" }: Ids): Ids {
  const [, ...digits] = /^msg_(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(deadMessage) ?? [];
  const [unixMs = "", ...rest] = deadLetter.split("-");
  const time = Number(unixMs).toString(16).padStart(12, "0");
  return {
    cursor: Buffer.from(`${Date.now() * 1_000}.${digits.join("-")}.0`).toString("base64url"),
    deadCursor: [time.slice(0, 8), time.slice(8), ...rest].join("-"),
    idCursor: Buffer.from(token).toString("base64url"),
  };
}

/**
 * Every row of a tenant in every table, but what time alone changes: usage is summed up by the hour,
 * what is left of a budget is given back, and when a token was used is written some seconds later.
 */
async function rowsOf(tenantId: string): Promise<string> {
  const { rows: tables } = await database.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname !~ '^(usage_|budgets$)'
       AND c.relnamespace = 'public'::regnamespace ORDER BY 1`,
  );
  expect(tables.length).toBeGreaterThan(10);
  const selects = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, (to_jsonb(t) - 'last_used_at')::text AS row FROM ${name} t WHERE tenant_id = $1`,
  );
  const all = `SELECT * FROM (${selects.join(" UNION ALL ")}) AS each ORDER BY name, row`;
  const { rows } = await database.query<{ name: string; row: string }>(all, [tenantId]);
  return rows.map(({ name, row }) => `${name} ${row}`).join("\n");
}

const served = () => servedRequests(api.routes);

/** All ways in which a request names things; none of a route that has no case here. */
function waysOf(line: string): readonly { readonly line: string; readonly body?: unknown }[] {
  const plain = namesIds(line) || NAMELESS.some((each) => each.test(line)) ? [{ line }] : [];
  const asked = (QUERIES[line] ?? []).map((query) => {
    // Without the body of its route: a bulk call takes ids from its body or its query.
    return { line: `${line}${line.includes("?") ? "&" : "?"}${query}` };
  });
  const brought = (BODIES_TOO[line] ?? []).map((body) => ({ line, body }));
  return [...plain, ...asked, ...brought];
}

describe("on a hosted service, of what is another tenant's", () => {
  test("every route has a case here, and every case a route", () => {
    const lines = served();
    expect(lines.length).toBeGreaterThan(80);
    expect(lines.filter((line) => waysOf(line).length === 0)).toEqual([]);
    const cases = [...Object.keys(QUERIES), ...Object.keys(BODIES_TOO)];
    expect(cases.filter((line) => !lines.includes(line))).toEqual([]);
    for (const nameless of NAMELESS) expect(lines.some((line) => nameless.test(line))).toBe(true);
  });

  test("every route says exactly what it says of ids that nobody has, and changes nothing", async () => {
    const before = await rowsOf(owner.id);
    expect(before).toContain("dead_letters ");
    let [asked, changes] = [0, 0];
    for (const way of served().flatMap(waysOf)) {
      // A fresh one each time, so that what one request makes is not there for the next.
      const { token } = await newTenant(node, "stranger");
      const body = way.body ?? BODIES[way.line];
      const [others, nobodys] = [
        await sendLine(node.url, way.line, owned, { token, body }),
        await sendLine(node.url, way.line, unknown, { token, body }),
      ];
      const what = `${way.line} ${JSON.stringify(body) ?? ""}`;
      expect(comparable(others, owned), what).toEqual(comparable(nobodys, unknown));
      expect(others.status, what).toBeLessThan(500);
      expect(await rowsOf(owner.id), what).toBe(before);
      asked += 1;
      changes += Number(others.status < 300 && !way.line.startsWith("GET "));
    }
    expect(asked).toBeGreaterThan(150);
    // So many of them did something, to what is the stranger's own.
    expect(changes).toBeGreaterThan(25);
  }, 300_000);

  test("every list shows a tenant that has things of its own nothing else", async () => {
    const stranger = await newTenant(node, "stranger");
    // A fast machine asks more often than the plan allows.
    const limits = { requestsPerSecond: null };
    const { status } = await asOperator(node, "PUT", `/tenants/${stranger.id}/plan`, { limits });
    expect(status).toBe(200);
    const own = await makeThings(node, stranger, "strangers1");
    const reads = served().filter((line) => /^GET \/v[12]\//.test(line));
    const secrets = Object.values(owned).filter((id) => id !== "");
    let shown = 0;
    for (const { line } of [...reads.flatMap(waysOf), ...reads.map((read) => ({ line: read }))]) {
      const { token } = stranger;
      const others = await sendLine(node.url, line, owned, { token });
      const nobodys = await sendLine(node.url, line, unknown, { token });
      expect(comparable(others, owned), line).toEqual(comparable(nobodys, unknown));
      // A refusal says which id it could not find; an answer holds none of them.
      if (others.status !== 200) continue;
      const text = JSON.stringify(others.body);
      for (const secret of secrets) expect(text, line).not.toContain(secret);
      shown += Number(Object.values(own).some((id) => text.includes(id)));
    }
    expect(shown).toBeGreaterThan(15);
  }, 120_000);

  test("the owner's own requests find all of it, so the requests above are right", async () => {
    const { token } = owner;
    for (const [kind, path] of [
      ["message", "/v2/messages/{message}"],
      ["topic", "/v2/topics/{topic}"],
      ["queue", "/v2/queues/{queue}"],
      ["schedule", "/v2/schedules/{schedule}"],
      ["deadLetter", "/v2/dlq/{deadLetter}"],
      ["flow", "/v2/flowControl/{flow}"],
      ["token", "/v1/tokens"],
      ["deadMessage", "/v2/logs?messageId={deadMessage}"],
      ["deadMessage", "/v2/logs?cursor={cursor}"],
      ["label", "/v2/logs?label={label}"],
      ["flow", "/v2/flowControl?search={flow}"],
    ] as const) {
      const { status, body } = await sendLine(node.url, `GET ${path}`, owned, { token });
      expect([status, JSON.stringify(body)], path).toEqual([
        200,
        expect.stringContaining(owned[kind] ?? "") as string,
      ]);
    }
    const again = `/v2/publish/${DESTINATION}?upstash-delay=1d&upstash-deduplication-id=${owned["once"]}`;
    const { body } = await ask(node.url, "POST", again, { token, body: {} });
    expect(body).toMatchObject({ deduplicated: true });
  });

  test("the time of an answer does not tell whether an id exists", async () => {
    const { id, token } = await newTenant(node, "stopwatch");
    await asOperator(node, "PUT", `/tenants/${id}/plan`, { limits: { requestsPerSecond: null } });
    const lines = [
      "GET /v2/messages/{message}",
      "GET /v2/dlq/{deadLetter}",
      "GET /v2/schedules/{schedule}",
      "GET /v2/topics/{topic}",
      "GET /v2/queues/{queue}",
      "DELETE /v2/messages/{message}",
      "DELETE /v1/tokens/{token}",
    ];
    for (const line of lines) {
      const times = { owned: [] as number[], unknown: [] as number[] };
      const time = async (kind: keyof typeof times, ids: Ids) => {
        const begin = performance.now();
        const { status } = await sendLine(node.url, line, ids, { token });
        expect(status, line).toBe(404);
        times[kind].push(performance.now() - begin);
      };
      for (let round = 0; round < ROUNDS; round += 1) {
        await time("owned", owned);
        await time("unknown", unknown);
      }
      const ratio = median(times.owned) / median(times.unknown);
      expect(ratio, `${line}: other tenant's ids to unknown ones`).toBeGreaterThan(1 / MOST_RATIO);
      expect(ratio, `${line}: other tenant's ids to unknown ones`).toBeLessThan(MOST_RATIO);
    }
  }, 120_000);
});

/** Taken in turns, so that whatever else this machine does harms both alike. */
const ROUNDS = 100;
const MOST_RATIO = 2;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
