import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ask, asOperator, type Answer } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { startSecondApi } from "./second-api.ts";
import {
  BODIES,
  comparable,
  namesIds,
  sendLine,
  servedRequests,
  type Ids,
} from "./served-requests.ts";
import { ADMIN_TOKEN } from "./tenant.ts";
import { alterId, issueToken, makeThings, newTenant, type Identity } from "./tenant-things.ts";

const SENDS = /^POST \/v2\/(publish\/|enqueue\/|batch\/?$)/;

/** Served by a refusal, whoever asks: an id that is empty, and a backend that this server has not. */
const REFUSED_TO_ALL =
  /^(DELETE \/v2\/(messages|dlq)\/|POST \/v2\/dlq\/retry\/|POST \/v2\/(queues|flowControl)\/\/\w+|POST \/llm\/.*)$/;

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

beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  api = await startSecondApi(node, { OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  owner = await newTenant(node, "owner");
  owned = await makeThings(node, owner);
  unknown = Object.fromEntries(Object.entries(owned).map(([kind, id]) => [kind, alterId(id)]));
  const [other, suspended] = [await newTenant(node, "other"), await newTenant(node, "suspended")];
  const revoked = await issueToken(node, other.id, "full");
  const expired = await issueToken(node, other.id, "full", { expiresAt: Date.now() + 1_000 });
  await asOperator(node, "DELETE", `/tenants/${other.id}/tokens/${revoked.id}`);
  await asOperator(node, "POST", `/tenants/${suspended.id}/suspend`);
  tokens = {
    bad: Buffer.from(JSON.stringify({ UserID: other.id, Password: "guess" })).toString("base64"),
    revoked: revoked.token,
    expired: expired.token,
    readonly: other.readonlyToken,
    publish: (await issueToken(node, other.id, "publish")).token,
    suspended: suspended.token,
  };
  await until(
    async () => (await ask(node.url, "GET", "/v1/limits", { token: expired.token })).status === 401,
  );
});
afterAll(async () => {
  await api.stop();
  await node.stop();
});

const served = () => servedRequests(api.routes);

/** Sends a request with certain ids in it. */
const send = (line: string, ids: Ids, token?: string) => sendLine(node.url, line, ids, { token });

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
        const fresh = await newTenant(node, "fresh");
        const things = line.includes("{") || BODIES[line] ? await makeThings(node, fresh) : unknown;
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
      walk(tenants().filter(namesIds), async (line) => {
        // Fresh ones each time: what one request makes must not be there for the next.
        const [one, two] = [await newTenant(node, "stranger"), await newTenant(node, "stranger")];
        const answer = await send(line, owned, one.token);
        note(line, "other tenant", answer);
        const others = comparable(answer, owned);
        const nobodys = comparable(await send(line, unknown, two.token), unknown);
        expect(others, line).toEqual(nobodys);
      }),
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
