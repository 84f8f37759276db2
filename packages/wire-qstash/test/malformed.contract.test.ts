import { publicOnly } from "@omnistore/domain/deliver/destination-policy";
import { MAX_REQUEST_BYTES, MAX_LABELS, MAX_RETRIES } from "@omnistore/domain/message/limits";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FULL_TOKEN, READONLY_TOKEN } from "./stand-in-engine.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

const PUBLISH = "POST /v2/publish/https://example.com/hook";

let wire: WireServer;
beforeAll(async () => {
  wire = await startWire({ destinations: publicOnly() });
});
afterAll(() => wire.close());

/** What is sent, the status, and what the error must say: the field and the value. */
type Case = readonly [
  request: string,
  headers: readonly string[],
  status: number,
  ...says: readonly string[],
];

const far = String(Math.floor(Date.now() / 1000) + 400 * 86_400);

const CALLBACK = "Upstash-Callback: https://c.test";
const NESTED = "Upstash-Callback-Failure-Callback-";

const publishes: readonly Case[] = [
  [PUBLISH, ["Upstash-Method: TRACE"], 400, "Upstash-Method", '"TRACE"'],
  [PUBLISH, ["Upstash-Method: post"], 400, "Upstash-Method", '"post"'],
  [PUBLISH, ["Upstash-Method:"], 400, "Upstash-Method", '""'],
  [PUBLISH, ["Upstash-Delay: soon"], 400, "Upstash-Delay", '"soon"'],
  [PUBLISH, ["Upstash-Delay: -5s"], 400, "Upstash-Delay", '"-5s"'],
  [PUBLISH, ["Upstash-Delay: 1.5h"], 400, "Upstash-Delay", '"1.5h"'],
  [PUBLISH, ["Upstash-Delay: 10ms"], 400, "Upstash-Delay", '"10ms"'],
  [PUBLISH, ["Upstash-Delay:"], 400, "Upstash-Delay", '""'],
  [PUBLISH, ["Upstash-Delay: 366d"], 412, "Upstash-Delay", '"366d"'],
  [PUBLISH, [`Upstash-Delay: ${"9".repeat(400)}`], 412, "Upstash-Delay", "9".repeat(200)],
  [PUBLISH, ["Upstash-Delay: 1s", "Upstash-Delay: 2s"], 400, "Upstash-Delay", '"1s" and "2s"'],
  [PUBLISH, ["Upstash-Not-Before: tomorrow"], 400, "Upstash-Not-Before", '"tomorrow"'],
  [PUBLISH, ["Upstash-Not-Before: NaN"], 400, "Upstash-Not-Before", '"NaN"'],
  [PUBLISH, ["Upstash-Not-Before: -1"], 400, "Upstash-Not-Before", '"-1"'],
  [PUBLISH, ["Upstash-Not-Before: 1e9"], 400, "Upstash-Not-Before", '"1e9"'],
  [PUBLISH, ["Upstash-Not-Before: Infinity"], 400, "Upstash-Not-Before", '"Infinity"'],
  [PUBLISH, [`Upstash-Not-Before: ${far}`], 412, "Upstash-Not-Before", far],
  [PUBLISH, [`Upstash-Not-Before: ${"9".repeat(400)}`], 412, "Upstash-Not-Before"],
  [PUBLISH, ["Upstash-Not-Before: 1", "Upstash-Delay: x"], 400, "Upstash-Delay", '"x"'],
  [PUBLISH, ["Upstash-Retries: three"], 400, "Upstash-Retries", '"three"'],
  [PUBLISH, ["Upstash-Retries: -1"], 400, "Upstash-Retries", '"-1"'],
  [PUBLISH, ["Upstash-Retries: 1.5"], 400, "Upstash-Retries", '"1.5"'],
  [PUBLISH, ["Upstash-Retries: 0x10"], 400, "Upstash-Retries", '"0x10"'],
  [PUBLISH, ["Upstash-Retries: 3, 3"], 400, "Upstash-Retries", '"3, 3"'],
  [PUBLISH, [`Upstash-Retries: ${MAX_RETRIES + 1}`], 412, "Upstash-Retries", `${MAX_RETRIES + 1}`],
  [PUBLISH, ["Upstash-Retry-Delay: pow(2"], 400, "Upstash-Retry-Delay", '"pow(2"'],
  [PUBLISH, ["Upstash-Retry-Delay: process.exit()"], 400, "Upstash-Retry-Delay", "process"],
  [PUBLISH, ["Upstash-Retry-Delay:"], 400, "Upstash-Retry-Delay", '""'],
  [PUBLISH, ["Upstash-Timeout: 0"], 400, "Upstash-Timeout", '"0"'],
  [PUBLISH, ["Upstash-Timeout: fast"], 400, "Upstash-Timeout", '"fast"'],
  [PUBLISH, ["Upstash-Timeout: 3h"], 412, "Upstash-Timeout", '"3h"'],
  [PUBLISH, ["Upstash-Deduplication-Id:"], 400, "Upstash-Deduplication-Id", '""'],
  [PUBLISH, [`Upstash-Deduplication-Id: ${"d".repeat(257)}`], 400, "Upstash-Deduplication-Id", "d"],
  [PUBLISH, ["Upstash-Content-Based-Deduplication: yes"], 400, "Content-Based", '"yes"'],
  [PUBLISH, ["Upstash-Header-Forward: 1"], 400, "Upstash-Header-Forward", '"1"'],
  [PUBLISH, [`Upstash-Label: ${"l".repeat(257)}`], 400, "Upstash-Label", "l"],
  [PUBLISH, [`Upstash-Label: ${"l,".repeat(MAX_LABELS + 1)}`], 400, "Upstash-Label", "l,l"],
  [PUBLISH, ["Upstash-Redact-Fields: bodies"], 400, "Upstash-Redact-Fields", '"bodies"'],
  [PUBLISH, ["Upstash-Redact-Fields: header[]"], 400, "Upstash-Redact-Fields", '"header[]"'],
  [PUBLISH, ["Upstash-Redact-Fields: header[a b]"], 400, "Upstash-Redact-Fields", "a b"],
  [PUBLISH, ["Upstash-Redact-Fields: body,,header"], 400, "Upstash-Redact-Fields", '""'],
  [PUBLISH, ["Upstash-Forward-: x"], 400, "Upstash-Forward-", '"x"'],
  [PUBLISH, ["Upstash-Callback: c.test"], 400, 'Upstash-Callback "c.test"', "invalid scheme"],
  [PUBLISH, ["Upstash-Callback:"], 400, 'Upstash-Callback ""', "invalid scheme"],
  [PUBLISH, ["Upstash-Failure-Callback: http://127.0.0.1"], 400, "Failure-Callback", "127.0.0.1"],
  [PUBLISH, [CALLBACK, CALLBACK], 400, "Upstash-Callback was given twice", "https://c.test"],
  [PUBLISH, [CALLBACK, "Upstash-Callback-Retries: x"], 400, 'Upstash-Callback-Retries "x"'],
  [PUBLISH, [CALLBACK, "Upstash-Callback-Retries: 9999"], 412, 'Upstash-Callback-Retries "9999"'],
  [PUBLISH, [CALLBACK, "Upstash-Callback-Forward-: x"], 400, "Upstash-Callback-Forward-", '"x"'],
  [
    PUBLISH,
    [CALLBACK, "Upstash-Callback-Failure-Callback: ftp://c.test"],
    400,
    'Upstash-Callback-Failure-Callback "ftp://c.test"',
  ],
  [
    PUBLISH,
    [CALLBACK, "Upstash-Callback-Failure-Callback: https://c.test", `${NESTED}Delay: soon`],
    400,
    'Upstash-Callback-Failure-Callback-Delay "soon"',
  ],
  [PUBLISH, ["Upstash-Flow-Control-Key: k"], 400, "Upstash-Flow-Control-Key", '"k"'],
  [PUBLISH, ["Upstash-Flow-Control-Value: rate=1"], 400, "Flow-Control-Value", '"rate=1"'],
  [PUBLISH, ["Upstash-Cron: * * * *"], 400, "Upstash-Cron", "4 fields instead of five"],
  [`${PUBLISH}?upstash-retries=many`, [], 400, "Upstash-Retries", '"many"'],
  [`${PUBLISH}?upstash-delay=%E0%A4%A`, [], 400, "upstash-delay", "%E0%A4%A"],
  [`${PUBLISH}?Upstash-Delay=1s&upstash-delay=2s`, [], 400, "upstash-delay", '"1s" and "2s"'],
  [`${PUBLISH}?upstash-callback=https://10.1.1.1`, [], 400, "Upstash-Callback", "10.1.1.1"],
  [`${PUBLISH}?upstash-forward-x=a%0d%0ab`, [], 400, "Forward-x", String.raw`"a\r\nb"`],
  [`${PUBLISH}?upstash-forward-a%20b=1`, [], 400, "Upstash-Forward-", '"a b"'],
  [`${PUBLISH}?upstash-label=a%00b`, [], 400, "Upstash-Label", String.raw`"a\u0000b"`],
  [`${PUBLISH}?upstash-deduplication-id=%00`, [], 400, "Upstash-Deduplication-Id", "u0000"],
  [`${PUBLISH}?upstash-method=%7f`, [], 400, "Upstash-Method", String.raw`"\u007f"`],
  ["POST /v2/publish/", [], 400, "invalid destination url: endpoint has invalid", "it is empty"],
  ["POST /v2/publish", [], 400, "it is empty"],
  ["POST /v2/enqueue/q/", [], 400, "it is empty"],
  [PUBLISH, ["Upstash-Queue-Name: q"], 400, 'Upstash-Queue-Name "q" is for schedules'],
  [`${PUBLISH}?upstash-queue-name=q`, [], 400, 'Upstash-Queue-Name "q" is for schedules'],
  ["POST /v2/enqueue/r/https://a.test/", ["Upstash-Queue-Name: q"], 400, "Upstash-Queue-Name"],
  ["POST /v2/dlq/retry?dlqIds=1", ["Upstash-Queue-Name: q"], 400, "Upstash-Queue-Name"],
  ["GET /v2/logs?fromDate=1787000000", [], 400, 'fromDate "1787000000"', "1787000000000 is meant"],
  ["GET /v2/events?toDate=1787000000", [], 400, 'toDate "1787000000"', "milliseconds"],
  ["GET /v2/dlq?fromDate=1000000000", [], 400, 'fromDate "1000000000"', "milliseconds"],
  ["DELETE /v2/messages?fromDate=1787000000", [], 400, "fromDate", "milliseconds"],
  ["DELETE /v2/dlq?toDate=99999999999", [], 400, "toDate", "milliseconds"],
  ["POST /v2/flowControl/k/pin?parallelism=1&period=9", [], 400, 'period "9"', "rate"],
  ["POST /v2/publish", [], 400, "invalid destination url"],
  ["POST /v2/publish/example.com", [], 400, "add http:// or https://"],
  ["POST /v2/publish/ftp://example.com", [], 400, "endpoint has invalid scheme"],
  ["POST /v2/publish/https:/example.com", [], 400, "endpoint has invalid scheme"],
  ["POST /v2/publish/https://", [], 400, "invalid destination url", "https://"],
  ["POST /v2/publish/https://h:99999/", [], 400, "invalid destination url", "h:99999"],
  ["POST /v2/publish/https://%zz/", [], 400, "invalid destination url", "%zz"],
  ["POST /v2/publish/http://127.0.0.1/", [], 400, "loopback address: 127.0.0.1"],
  ["POST /v2/publish/http://localhost:3000/", [], 400, "resolves to a loopback address"],
  ["POST /v2/publish/http://10.1.2.3/", [], 400, "10.1.2.3"],
  ["POST /v2/publish/http://[::1]/", [], 400, "loopback address: ::1"],
  ["POST /v2/./publish/https://example.com", [], 400, "invalid destination url"],
];

const reads: readonly Case[] = [
  ["GET /v2/messages/msg_1", [], 404, '"msg_1"'],
  ["GET /v2/messages/%E0%A4%A", [], 404, "not found"],
  ["GET /v2/messages/a%00b", [], 404, String.raw`"a\u0000b"`],
  ["GET /v2/dlq/1-1", [], 404, '"1-1"'],
  ["GET /v2/logs?fromDate=yesterday", [], 400, "fromDate", '"yesterday"'],
  ["GET /v2/events?toDate=1.5", [], 400, "toDate", '"1.5"'],
  ["GET /v2/events?toDate=-1", [], 400, "toDate", '"-1"'],
  [`GET /v2/events?toDate=${"9".repeat(30)}`, [], 400, "toDate", "999"],
  ["GET /v2/events?fromDate=1&fromDate=2", [], 400, "fromDate", '"1" and "2"'],
  ["GET /v2/logs?state=LOST", [], 400, "state", '"LOST"'],
  ["GET /v2/logs?state=CREATED,LOST", [], 400, "state", '"LOST"'],
  ["GET /v2/logs?count=0", [], 400, "count", '"0"'],
  ["GET /v2/logs?count=-1", [], 400, "count", '"-1"'],
  ["GET /v2/logs?count=ten", [], 400, "count", '"ten"'],
  ["GET /v2/logs?count=1.5", [], 400, "count", '"1.5"'],
  ["GET /v2/logs?order=random", [], 400, "order", '"random"'],
  ["GET /v2/logs?label=%00", [], 400, "label", String.raw`"\u0000"`],
  ["GET /v2/logs?label=%zz", [], 400, "label", "%zz"],
  ["GET /v2/dlq?host=example.com", [], 400, "host"],
  ["GET /v2/dlq?path=/a", [], 400, "path"],
  ["GET /v2/dlq?responseStatus=ok", [], 400, "responseStatus", '"ok"'],
  ["GET /v2/dlq?responseStatus=1234567890", [], 400, "at most 9 digits", '"1234567890"'],
  ["GET /v2/dlq?source=queue", [], 400, "source", '"queue"'],
  ["GET /v2/dlq?cursor=not-ours", [], 400, "cursor", '"not-ours"'],
  ["GET /v2/dlq?cursor=%00", [], 400, "cursor", String.raw`"\u0000"`],
  ["GET /v2/dlq?count=0", [], 400, "count", '"0"'],
  ["GET /v2/nothing", [], 404, "GET", "/v2/nothing"],
  ["POST /v2/batch", [], 400, "the body is not JSON", '""'],
  ["DELETE /v2/messages/", [], 400, "/v2/messages/"],
  ["DELETE /v2/keys", [], 405, "DELETE", "/v2/keys"],
  ["POST /v2/dlq", [], 405, "POST", "/v2/dlq"],
  ["PUT /v2/publish/https://example.com", [], 405, "PUT", "/v2/publish"],
];

const strangers: readonly Case[] = [
  [PUBLISH, ["Authorization: Bearer secret-guess"], 401, "Authorization header"],
  [PUBLISH, ["Authorization: Bearer"], 401, "no token after Bearer"],
  [PUBLISH, ["Authorization: secret-guess"], 401, "Bearer <token>"],
  [PUBLISH, ["Authorization: Basic c2VjcmV0LWd1ZXNz"], 401, "Bearer <token>"],
  [`${PUBLISH}?qstash_token=secret-guess`, ["Authorization:"], 401, "qstash_token"],
  [`${PUBLISH}?qstash_token=secret-guess%zz`, ["Authorization:"], 401, "qstash_token"],
  [`${PUBLISH}?qstash_token=`, ["Authorization:"], 401, "qstash_token"],
  ["GET /v2/keys", ["Authorization: Bearer secret-guess"], 401, "Authorization header"],
  [PUBLISH, [`Authorization: Bearer ${READONLY_TOKEN}`], 403, "read-only"],
  [`${PUBLISH}?qstash_token=${READONLY_TOKEN}`, ["Authorization:"], 403, "read-only"],
  [`GET /v2/publish/https://example.com?qstash_token=${READONLY_TOKEN}`, ["Authorization:"], 403],
];

const cases = [...publishes, ...reads, ...strangers].map(([line, headers, status, ...says]) => ({
  line,
  headers,
  status,
  says,
}));

describe("00 §3 a request that cannot be served gets a 4xx whose error names field and value", () => {
  it.each(cases)("$line $headers: $status", async ({ line, headers, status, says }) => {
    const answer = await wire.send(line, headers);
    expect(answer.status, answer.body).toBe(status);
    expect(answer.head.toLowerCase()).toContain("content-type: application/json");
    const error = answer.error();
    for (const part of says) expect(error).toContain(part);
    expect(error.length).toBeLessThan(600);
    expect(error).not.toMatch(/\p{Cc}/u);
    expect(error).not.toMatch(/secret-guess|c2VjcmV0/);
    expect(wire.engine.published).toEqual([]);
    expect(wire.errors).toEqual([]);
  });
});

describe("06 §4 the size of a body", () => {
  it("is refused by its declared length, before any of it is read", async () => {
    const size = MAX_REQUEST_BYTES + 1;
    const answer = await wire.raw(
      [
        `${PUBLISH} HTTP/1.1`,
        "Host: h",
        `Authorization: Bearer ${FULL_TOKEN}`,
        `Content-Length: ${size}`,
        "",
        "the beginning",
      ].join("\r\n"),
    );
    expect(answer.status).toBe(413);
    expect(answer.error()).toBe(
      `the body is too large: ${size} bytes, the limit is ${MAX_REQUEST_BYTES} bytes, which plan "development" sets; the operator can raise it`,
    );
  });

  it("is refused when a body of unknown length passes the limit", async () => {
    const chunk = Buffer.alloc(MAX_REQUEST_BYTES + 1, 0x61);
    const head = [
      `${PUBLISH} HTTP/1.1`,
      "Host: h",
      `Authorization: Bearer ${FULL_TOKEN}`,
      "Transfer-Encoding: chunked",
      "",
      `${chunk.length.toString(16)}\r\n`,
    ].join("\r\n");
    const answer = await wire.raw(
      Buffer.concat([Buffer.from(head), chunk, Buffer.from("\r\n0\r\n\r\n")]),
    );
    expect(answer.status).toBe(413);
    expect(answer.body).toContain(String(MAX_REQUEST_BYTES));
    expect(wire.engine.published).toEqual([]);
  });
});

describe("00 §3 a JSON body that no answer could show", () => {
  const routes = [
    "POST /v2/batch",
    "POST /v2/queues",
    "POST /v2/topics/t/endpoints",
    "DELETE /v2/topics/t/endpoints",
    "PATCH /v2/topics/t",
  ];

  it.each(routes)("%s refuses one that is nested too deeply", async (route) => {
    const answer = await wire.send(route, [], "[".repeat(20_000) + "]".repeat(20_000));
    expect(answer.status).toBe(400);
    expect(answer.error()).toContain("the body is nested deeper than 100 levels");
  });

  it.each(routes)("%s refuses bytes that are not UTF-8", async (route) => {
    const bytes = await wire.send(route, [], Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]));
    expect(bytes.status).toBe(400);
    expect(bytes.error()).toContain("the body is not UTF-8");
  });
});
