import { MAX_RETRIED_IDS } from "@omnistore/domain/message/limits";
import { Client } from "@upstash/qstash";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FREE_TOKEN, FULL_TOKEN, KEPT_FROM_MS, KEYS, NOW_MS, uuid } from "./stand-in-engine.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

let wire: WireServer;
let client: Client;
beforeAll(async () => {
  wire = await startWire();
  client = new Client({ baseUrl: wire.url, token: FULL_TOKEN, devMode: false });
});
beforeEach(() => {
  wire.engine.cancelled = 1;
  wire.engine.deletion = { kind: "deleted", deleted: 1 };
  wire.engine.retry = { kind: "retried", messageIds: [uuid(7)] };
});
afterEach(() => {
  wire.engine.cancellations.splice(0);
  wire.engine.deletions.splice(0);
  wire.engine.retries.splice(0);
});
afterAll(() => wire.close());

const messageId = (number: number) => `msg_${uuid(number).replaceAll("-", "")}`;
const dlqId = (number: number) => `1755349019904-${uuid(number).replaceAll("-", "").slice(12)}`;
const dlqIdOf = (unixMs: number) => `${unixMs}-${uuid(1).replaceAll("-", "").slice(12)}`;
const EVERYTHING = { kind: "filter", filter: {} };

async function ok(line: string, body?: string, headers: readonly string[] = []): Promise<unknown> {
  const answer = await wire.send(line, headers, body);
  expect(answer.status, answer.body).toBeLessThan(300);
  return answer.json();
}

describe("03 §1 DELETE /v2/messages/{id}", () => {
  it("cancels that message", async () => {
    expect(await client.messages.cancel(messageId(1))).toEqual({ cancelled: 1 });
    expect(wire.engine.cancellations).toEqual([{ kind: "ids", messageIds: [uuid(1)] }]);
  });

  it("is 404 for a message that does not wait, and for what is no id", async () => {
    wire.engine.cancelled = 0;
    for (const id of [messageId(1), "msg_1", "%20"]) {
      const answer = await wire.send(`DELETE /v2/messages/${id}`);
      expect(answer.status).toBe(404);
      expect(answer.error()).toContain("not found");
    }
  });

  it("pays no attention to a body", async () => {
    await ok(`DELETE /v2/messages/${messageId(1)}`, '{"messageIds":[]}');
    expect(wire.engine.cancellations).toEqual([{ kind: "ids", messageIds: [uuid(1)] }]);
  });
});

describe("03 §1 DELETE /v2/messages", () => {
  const ids = `${messageId(1)},${messageId(2)}`;
  const both = { kind: "ids", messageIds: [uuid(1), uuid(2)] };

  it.each([
    ["repeated", `?messageIds=${messageId(1)}&messageIds=${messageId(2)}`],
    ["in one list", `?messageIds=${ids}`],
    ["beside filters, which do not count then", `?messageIds=${ids}&label=x&count=1`],
    ["some of them no ids of ours", `?messageIds=${ids},msg_1,else`],
  ])("takes ids %s", async (_, query) => {
    wire.engine.cancelled = 2;
    expect(await ok(`DELETE /v2/messages${query}`)).toEqual({ cancelled: 2 });
    expect(wire.engine.cancellations).toEqual([both]);
  });

  it("takes ids in a JSON body, as the Python client sends them", async () => {
    const body = JSON.stringify({ messageIds: [messageId(1), messageId(2)] });
    await ok("DELETE /v2/messages", body, ["Content-Type: application/json"]);
    expect(wire.engine.cancellations).toEqual([both]);
  });

  it("takes every filter", async () => {
    await ok(
      "DELETE /v2/messages?topicName=t&queueName=q,r&url=https://a.test/?x=1,2&host=a.test" +
        "&path=/a&label=x&label=y&flowControlKey=k&scheduleId=s&callerIp=192.0.2.1" +
        `&callerIP=192.0.2.2&fromDate=1&toDate=2&count=7&qstash_token=${FULL_TOKEN}`,
    );
    expect(wire.engine.cancellations).toEqual([
      {
        kind: "filter",
        filter: {
          topicNames: ["t"],
          queueNames: ["q", "r"],
          urls: ["https://a.test/?x=1,2"],
          hosts: ["a.test"],
          paths: ["/a"],
          labels: ["x", "y"],
          flowControlKeys: ["k"],
          scheduleIds: ["s"],
          callerIps: ["192.0.2.1", "192.0.2.2"],
        },
        fromMs: 1,
        toMs: 2,
        count: 7,
      },
    ]);
  });

  it("means everything only when nothing is said", async () => {
    await ok("DELETE /v2/messages");
    await ok(`DELETE /v2/messages?qstash_token=${FULL_TOKEN}`);
    expect(wire.engine.cancellations).toEqual([EVERYTHING, EVERYTHING]);
  });

  it("takes at most 500 by a count", async () => {
    await ok("DELETE /v2/messages?count=501");
    expect(wire.engine.cancellations).toEqual([{ ...EVERYTHING, count: 500 }]);
  });

  it("does what the official client asks for", async () => {
    await client.messages.cancel([messageId(1), messageId(2)]);
    await client.messages.cancel({ filter: { urlGroup: "t", fromDate: new Date(5) } });
    await client.messages.cancel({ all: true });
    expect(wire.engine.cancellations).toEqual([
      both,
      { kind: "filter", filter: { topicNames: ["t"] }, fromMs: 5, count: 100 },
      { ...EVERYTHING, count: 100 },
    ]);
  });
});

describe("03 §5 DELETE /v2/dlq", () => {
  it("removes one entry, or is 404", async () => {
    await expect(client.dlq.delete(dlqId(9))).resolves.toEqual({ deleted: 1 });
    expect(wire.engine.deletions).toEqual([{ kind: "ids", ids: [uuid(9)] }]);
    wire.engine.deletion = { kind: "deleted", deleted: 0 };
    await expect(client.dlq.delete(dlqId(9))).rejects.toMatchObject({ status: 404 });
    await expect(client.dlq.delete("1-1")).rejects.toMatchObject({ status: 404 });
  });

  it("removes the entries of ids in query or body, whatever else is said", async () => {
    wire.engine.deletion = { kind: "deleted", deleted: 2 };
    expect(await ok(`DELETE /v2/dlq?dlqIds=${dlqId(1)},${dlqId(2)}&label=x`)).toEqual({
      deleted: 2,
    });
    await ok("DELETE /v2/dlq", JSON.stringify({ dlqIds: [dlqId(1), dlqId(2)] }));
    await client.dlq.delete([dlqId(1), dlqId(2)]);
    await client.dlq.delete({ dlqIds: [dlqId(1), dlqId(2)] });
    const both = { kind: "ids", ids: [uuid(1), uuid(2)] };
    expect(wire.engine.deletions).toEqual([both, both, both, both]);
  });

  it("removes a page of what passes the filters, with a cursor while more remains", async () => {
    wire.engine.deletion = { kind: "deleted", deleted: 5, cursor: uuid(3) };
    const filter = { url: "https://a.test", queueName: "q", responseStatus: 500 };
    const page = await client.dlq.delete({ filter, count: 5, cursor: uuid(9) });
    expect(page).toEqual({ deleted: 5, cursor: uuid(3) });
    wire.engine.deletion = { kind: "deleted", deleted: 1 };
    expect((await client.dlq.delete({ all: true })).cursor).toBeUndefined();
    expect(wire.engine.deletions).toEqual([
      {
        kind: "page",
        query: {
          urls: ["https://a.test"],
          queueNames: ["q"],
          responseStatuses: [500],
          fromMs: KEPT_FROM_MS,
          order: "latestFirst",
          count: 5,
          cursor: uuid(9),
        },
      },
      { kind: "page", query: { fromMs: KEPT_FROM_MS, order: "latestFirst", count: 100 } },
    ]);
  });

  it("removes nothing for a filter that nothing can match, without asking for it", async () => {
    expect(await ok("DELETE /v2/dlq?messageId=else")).toEqual({ deleted: 0 });
    expect(wire.engine.deletions).toEqual([]);
  });
});

describe("03 §5 POST /v2/dlq/retry", () => {
  const unchanged = { headers: {}, due: { kind: "now" }, options: {} };

  it("retries one entry, or is 404", async () => {
    const answer = await wire.send(`POST /v2/dlq/retry/${dlqId(9)}`);
    expect(answer.status).toBe(201);
    expect(answer.json()).toEqual({ messageId: messageId(7) });
    expect(wire.engine.retries).toEqual([
      { selection: { kind: "ids", ids: [uuid(9)] }, overrides: unchanged },
    ]);
    wire.engine.retry = { kind: "unknown-ids", ids: [uuid(9)] };
    for (const id of [dlqId(9), "1-1"]) {
      const refused = await wire.send(`POST /v2/dlq/retry/${id}`);
      expect(refused.status).toBe(404);
      expect(refused.error()).toContain(id);
    }
  });

  it("retries what the official client names, in every form it has", async () => {
    wire.engine.retry = { kind: "retried", messageIds: [uuid(7), uuid(8)], cursor: uuid(3) };
    const answer = { responses: [7, 8].map((n) => ({ messageId: messageId(n) })), cursor: uuid(3) };
    expect(await client.dlq.retry(dlqId(1))).toEqual(answer);
    await client.dlq.retry([dlqId(1), dlqId(2)]);
    await client.dlq.retry({ dlqIds: [dlqId(1), dlqId(2)] });
    await client.dlq.retry({ filter: { label: "l", flowControlKey: ["k"] }, count: 3 });
    await client.dlq.retry({ all: true });
    expect(wire.engine.retries.map(({ selection }) => selection)).toEqual([
      { kind: "ids", ids: [uuid(1)] },
      { kind: "ids", ids: [uuid(1), uuid(2)] },
      { kind: "ids", ids: [uuid(1), uuid(2)] },
      {
        kind: "page",
        query: {
          labels: ["l"],
          flowControlKeys: ["k"],
          fromMs: KEPT_FROM_MS,
          order: "latestFirst",
          count: 3,
        },
      },
      { kind: "page", query: { fromMs: KEPT_FROM_MS, order: "latestFirst", count: 100 } },
    ]);
  });

  it("is 201 with no cursor on the last page, and empty for what nothing can match", async () => {
    const answer = await wire.send("POST /v2/dlq/retry?label=x");
    expect(answer.status).toBe(201);
    expect(answer.json()).toEqual({ responses: [{ messageId: messageId(7) }] });
    const nothing = await wire.send("POST /v2/dlq/retry?messageId=else");
    expect(nothing.status).toBe(201);
    expect(nothing.json()).toEqual({ responses: [] });
    expect(wire.engine.retries).toHaveLength(1);
  });

  it("retries nothing when one of the ids is none of ours", async () => {
    const answer = await wire.send(`POST /v2/dlq/retry?dlqIds=${dlqId(1)},1-1`);
    expect(answer.status).toBe(404);
    expect(answer.error()).toContain('"1-1"');
    expect(wire.engine.retries).toEqual([]);
  });

  it("refuses more ids than one transaction takes", async () => {
    const dlqIds = Array.from({ length: MAX_RETRIED_IDS + 1 }, (_, n) => dlqId(n));
    const answer = await wire.send("POST /v2/dlq/retry", [], JSON.stringify({ dlqIds }));
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain(`names ${dlqIds.length} dead letters`);
  });

  it("changes of the message what its headers and parameters say, and nothing else", async () => {
    await ok(`POST /v2/dlq/retry?dlqIds=${dlqId(1)}&upstash-timeout=30s`, "", [
      "Upstash-Retries: 0",
      "Upstash-Method: PUT",
      "Upstash-Delay: 10s",
      "Upstash-Label: again",
      "Upstash-Forward-X-Retry: yes",
      "Upstash-Callback: https://c.test/",
      "Content-Type: text/odd",
    ]);
    expect(wire.engine.retries[0]?.overrides).toEqual({
      method: "PUT",
      headers: { "X-Retry": ["yes"] },
      due: { kind: "after", delayMs: 10_000 },
      maxRetries: 0,
      options: {
        timeoutMs: 30_000,
        labels: ["again"],
        callback: { url: "https://c.test/", method: "POST", headers: {}, options: {} },
      },
    });
  });

  it("refuses a header that cannot be served, before anything is retried", async () => {
    const answer = await wire.send(`POST /v2/dlq/retry/${dlqId(1)}`, ["Upstash-Retries: many"]);
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain('Upstash-Retries "many"');
    expect(wire.engine.retries).toEqual([]);
  });
});

const ANY_TEXT = expect.stringMatching(/./) as string;

/** What a request is answered, and how much it changed or called a fault of ours. */
async function refusal(line: string, body = "") {
  const answer = await wire.send(line, [], body);
  const { cancellations, deletions, retries } = wire.engine;
  const changes = cancellations.length + deletions.length + retries.length + wire.errors.length;
  return { status: answer.status, error: answer.error(), changes };
}

describe("03 §5, 06 §1 a dead letter that the plan keeps no longer", () => {
  const DAY_MS = 86_400_000;
  const free = [`Authorization: Bearer ${FREE_TOKEN}`];
  const send = (line: string, body?: string) => wire.send(line, free, body);

  it("is gone for whoever names it, while a younger one is there", async () => {
    const limit = NOW_MS - 3 * DAY_MS;
    const [expired, kept] = [dlqIdOf(limit - 1000), dlqIdOf(limit + 60_000)];
    for (const [method, path] of [
      ["GET", "/v2/dlq/"],
      ["DELETE", "/v2/dlq/"],
      ["POST", "/v2/dlq/retry/"],
      ["POST", "/v2/dlq/retry?dlqIds="],
    ]) {
      const gone = await send(`${method} ${path}${expired}`);
      expect(gone.status, path).toBe(404);
      expect(gone.error()).toContain(expired);
      if (method !== "GET")
        expect((await send(`${method} ${path}${kept}`)).status).toBeLessThan(300);
    }
    await send(`DELETE /v2/dlq?dlqIds=${expired},${kept}`);
    await send("DELETE /v2/dlq", JSON.stringify({ dlqIds: [expired] }));
    const [one, ...many] = wire.engine.deletions;
    expect(many).toEqual([one, { kind: "ids", ids: [] }]);
  });

  it("is in no page of what is deleted, retried or listed", async () => {
    await send("DELETE /v2/dlq?fromDate=1");
    await send("POST /v2/dlq/retry");
    await send("GET /v2/dlq");
    const queries = [
      ...wire.engine.deletions,
      ...wire.engine.retries.map(({ selection }) => selection),
    ].map((selection) => (selection.kind === "page" ? selection.query : undefined));
    for (const query of [...queries, ...wire.engine.deadLetterQueries]) {
      expect(query?.fromMs).toBe(NOW_MS - 3 * DAY_MS);
    }
    expect(queries).toHaveLength(2);
    expect(wire.engine.deadLetterQueries).toHaveLength(1);
  });
});

describe("07 Q35 a call that changes many says exactly what it means, or 400 and nothing changes", () => {
  const lines = ["DELETE /v2/messages", "DELETE /v2/dlq", "POST /v2/dlq/retry"];
  const queries = [
    "label=",
    "label=,",
    "label=%20",
    "lable=x",
    "Label=x",
    "label",
    "=x",
    "all=true",
    "count=",
    "count=0",
    "count=-1",
    "count=ten",
    "fromDate=yesterday",
    "fromDate=1&fromDate=2",
    "label=%zz",
    "label=%00",
    "order=latestFirst",
    "source=workflow",
    "&",
  ];
  const bodies = [
    "{}",
    "[]",
    "null",
    '"x"',
    "everything",
    '{"ids":["x"]}',
    '{"messageIds":[]}',
    '{"dlqIds":[]}',
    '{"messageIds":"x"}',
    '{"dlqIds":[""]}',
    '{"messageIds":[1]}',
    '{"messageIds":["x"],"dlqIds":["x"]}',
    '{"messageIds":["x"],"label":"x"}',
    '{"dlqIds":["x"],"label":"x"}',
    '{"messageIds":["x"]',
  ];
  const withoutId = lines.flatMap((line) => [`${line}/`, `${line}/?label=x`]);
  const requests = lines.flatMap((line) => [
    ...queries.map((query) => [`${line}?${query}`, ""]),
    ...bodies.map((body) => [line, body]),
  ]);
  const ofOne = [
    ["DELETE /v2/messages?messageIds=", ""],
    ["DELETE /v2/messages?dlqIds=x", ""],
    ["DELETE /v2/messages?responseStatus=500", ""],
    ["DELETE /v2/messages?cursor=x", ""],
    ["DELETE /v2/messages", '{"dlqIds":["x"]}'],
    ["DELETE /v2/dlq?dlqIds=", ""],
    ["DELETE /v2/dlq?messageIds=x", ""],
    ["DELETE /v2/dlq?host=a.test", ""],
    ["DELETE /v2/dlq?path=/a", ""],
    ["DELETE /v2/dlq?responseStatus=ok", ""],
    ["DELETE /v2/dlq", '{"messageIds":["x"]}'],
    ["POST /v2/dlq/retry?host=a.test", ""],
    ["POST /v2/dlq/retry", '{"messageIds":["x"]}'],
  ];

  const letter = dlqIdOf(NOW_MS - 1000);
  const ofSingleCalls = [
    [`DELETE /v2/messages/msg_${"0".repeat(32)}?label=other`, ""],
    [`DELETE /v2/dlq/${letter}?dryRun=true`, ""],
    [`POST /v2/dlq/retry/${letter}?upstash-retries=2&foo=1`, ""],
    [`POST /v2/dlq/retry/${letter}`, "another body"],
    [`POST /v2/dlq/retry/${letter}?upstash-deduplication-id=x`, ""],
    [`POST /v2/dlq/retry?upstash-content-based-deduplication=true`, ""],
    ["DELETE /v2/messages?messageIds=x", '{"messageIds":["y"]}'],
    ["DELETE /v2/dlq?dlqIds=x", '{"dlqIds":["y"]}'],
    ["POST /v2/dlq/retry?dlqIds=x", '{"dlqIds":["y"]}'],
  ];

  it.each([...requests, ...ofOne, ...ofSingleCalls])("%s %s", async (line = "", body = "") => {
    expect(await refusal(line, body)).toEqual({ status: 400, error: ANY_TEXT, changes: 0 });
  });

  it.each(withoutId)("07 Q21 %s", async (line) => {
    const error = expect.stringContaining("is empty") as string;
    expect(await refusal(line)).toEqual({ status: 400, error, changes: 0 });
  });

  it.each([
    "POST /v2/keys/rotate?dryRun=1",
    "DELETE /v2/queues/q?dryRun=true",
    "POST /v2/queues/q/pause?foo=1",
    "DELETE /v2/schedules/s?foo=1",
    "DELETE /v2/topics/t?foo=1",
    "DELETE /v2/topics/t/endpoints?foo=1",
    "POST /v2/flowControl/k/resetRate?foo=1",
  ])("%s: a parameter that is not read is refused", async (line) => {
    const answer = await wire.send(line, [], "{}");
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain("nothing was changed; this call takes none");
  });

  it("refuses a cursor that was not given by an earlier page", async () => {
    wire.engine.deletion = { kind: "bad-cursor" };
    wire.engine.retry = { kind: "bad-cursor" };
    for (const line of ["DELETE /v2/dlq", "POST /v2/dlq/retry"]) {
      const answer = await wire.send(`${line}?cursor=mine`);
      expect(answer.status).toBe(400);
      expect(answer.error()).toContain('cursor "mine"');
    }
  });

  it("ignores what it does not know on GET", async () => {
    expect(await ok("GET /v2/dlq?lable=x&label=")).toEqual({ messages: [] });
    expect(await ok("GET /v2/events?lable=x&label=")).toEqual({ events: [] });
  });
});

describe("03 §7 POST /v2/keys/rotate", () => {
  it("answers with the keys as they are afterwards", async () => {
    expect(await ok("POST /v2/keys/rotate")).toEqual({ current: KEYS.next, next: "sig_new_key" });
    expect(wire.engine.rotations).toBe(1);
  });
});

describe("01 §11 POST /llm/v1/chat/completions", () => {
  it("is 404 and says that nothing is configured", async () => {
    const answer = await wire.send("POST /llm/v1/chat/completions", [], '{"messages":[]}');
    expect(answer.status).toBe(404);
    expect(answer.error()).toContain("no LLM provider is configured");
  });
});
