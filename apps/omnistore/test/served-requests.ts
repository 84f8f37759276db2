import { expect } from "vitest";

import { ask, type Answer } from "./operator.ts";

/**
 * Every request that the app serves, written `METHOD /path` with `{kind}` where an id stands: what
 * the tests of access and of the walls between tenants walk. A route that it does not know fails.
 */

/** The kinds of things that a request can name, and an id of each. */
export type Ids = Readonly<Record<string, string>>;

/** Where messages go: nobody listens on that port, and hosted mode takes it when the network is open. */
export const DESTINATION = "http://127.0.0.1:2/";

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
  "ALL /v2/publish/*": ["POST /v2/publish/{topic}", "POST /v2/publish/{destination}"],
  "ALL /v2/enqueue/*": ["POST /v2/enqueue/{queue}/{destination}"],
  "ALL /v2/schedules/*": [
    "POST /v2/schedules/{destination}?upstash-cron=0%200%20*%20*%20*&upstash-schedule-id={schedule}",
    "GET /v2/schedules/{schedule}",
    "DELETE /v2/schedules/{schedule}",
    "POST /v2/schedules/{schedule}/pause",
    "POST /v2/schedules/{schedule}/resume",
    "PATCH /v2/schedules/{schedule}/pause",
    "PATCH /v2/schedules/{schedule}/resume",
  ],
};

/** What a request has to bring so that it would be served; a new route that needs more fails in the test of access. */
export const BODIES: Readonly<Record<string, unknown>> = {
  "POST /v2/batch/": [{ destination: DESTINATION }],
  "POST /v2/batch": [{ destination: "{topic}" }, { destination: DESTINATION }],
  "POST /v2/topics/{topic}/endpoints": { endpoints: [{ url: DESTINATION }] },
  "DELETE /v2/topics/{topic}/endpoints": { endpoints: [{ url: DESTINATION }] },
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

const PARAMETERS: readonly (readonly [RegExp, string])[] = [
  [/(\/topics\/):name/, "$1{topic}"],
  [/(\/queues\/):name/, "$1{queue}"],
  [/(\/flowControl\/):\w+/, "$1{flow}"],
  [/(\/messages\/):id/, "$1{message}"],
  [/(\/dlq\/(?:retry\/)?):id/, "$1{deadLetter}"],
  [/(\/tokens\/):tokenId/, "$1{token}"],
  [/(\/admin\/v1\/tenants\/):id/, "$1{tenant}"],
];

/** The lines of the routes that Hono names. */
export function servedRequests(
  routes: readonly { readonly method: string; readonly path: string }[],
): readonly string[] {
  const patterns = new Set(routes.map(({ method, path }) => `${method} ${path}`));
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

/** Whether a request names something that may be another tenant's. */
export function namesIds(line: string): boolean {
  const text = line + JSON.stringify(BODIES[line] ?? "");
  return /\{[a-z]+\}/i.test(text.replaceAll("{destination}", ""));
}

/** Sends a request with certain ids in it, wherever they stand. `body` stands for that of its route. */
export function sendLine(
  url: string,
  line: string,
  ids: Ids,
  { token, body = BODIES[line] }: { readonly token?: string | undefined; readonly body?: unknown },
): Promise<Answer> {
  const fill = (text: string) =>
    text.replaceAll(/\{(\w+)\}/g, (_, kind: string) =>
      kind === "destination" ? DESTINATION : (ids[kind] ?? ""),
    );
  const [method = "", path = ""] = (line + (QUERIES[line] ?? "")).split(" ");
  const filled: unknown = body === undefined ? undefined : JSON.parse(fill(JSON.stringify(body)));
  return ask(url, method, fill(path), { token, body: filled });
}

/** What the service makes anew for each answer: ids, times, tokens and keys. */
const FRESH =
  /msg_\w+|sig_\w+|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|\b1\d{12}\b|(?<="token":)"[^"]+"/g;

/** An answer without the ids that were asked for and those that were made for it. */
export function comparable({ status, body }: Answer, ids: Ids) {
  const text = Object.values(ids).reduce(
    (shown, id) => shown.replaceAll(id, "…"),
    JSON.stringify(body),
  );
  return { status, body: text.replaceAll(FRESH, "…") };
}
