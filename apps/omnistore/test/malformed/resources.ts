import { quoted, refused, type Malformed } from "./request.ts";

const LONG = "x".repeat(257);
const INVALID_UTF8 = Buffer.from([0x22, 0xc3, 0x28, 0xff, 0x22]);
const INVALID_IN_OBJECT = Buffer.concat([Buffer.from('{"a":'), INVALID_UTF8, Buffer.from("}")]);
const DEEP_LIST = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
const DEEP_OBJECT = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;

/** Routes that read JSON. */
const JSON_ROUTES = [
  "POST /v2/batch",
  "POST /v2/queues",
  "POST /v2/topics/new/endpoints",
  "DELETE /v2/topics/topic/endpoints",
  "PATCH /v2/topics/topic",
  "DELETE /v2/messages",
  "DELETE /v2/dlq",
  "POST /v2/dlq/retry",
];

/** Bodies that no route takes, and what the error shows of them. */
const NO_BODY: readonly (readonly [name: string, body: string | Buffer, shown?: string])[] = [
  ["an open brace", "{", quoted("{")],
  ["an open list", "[1,", quoted("[1,")],
  ["two values", "{}{}", quoted("{}{}")],
  ["a word", "undefined", quoted("undefined")],
  ["single quotes", "{'a':1}", quoted("{'a':1}")],
  ["a comment", "{}//", quoted("{}//")],
  ["a comma too many", "[1,]", quoted("[1,]")],
  ["NaN", "NaN", quoted("NaN")],
  ["a raw control character", '"a\u0001b"', "u0001"],
  ["invalid UTF-8", INVALID_UTF8, "UTF-8"],
  ["invalid UTF-8 in an object", INVALID_IN_OBJECT, "UTF-8"],
  ["an overlong NUL", Buffer.from([0x22, 0xc0, 0x80, 0x22]), "UTF-8"],
  ["a surrogate in UTF-8", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), "UTF-8"],
  ["UTF-16", Buffer.from('\ufeff{"a":1}', "utf16le"), "UTF-8"],
  ["compressed bytes", Buffer.from("1f8b0800000000000003", "hex"), "UTF-8"],
  ["a number", "1", "1"],
  ["a text", '"text"', "text"],
  ["null", "null", "null"],
  ["true", "true", "true"],
  ["a deep list", DEEP_LIST, "[["],
  ["a deep object", DEEP_OBJECT, '{\\"a\\":'],
  ["__proto__ alone", '{"__proto__":{"queueName":"q","endpoints":[],"messageIds":["a"]}}'],
  ["a constructor alone", '{"constructor":{"prototype":{"queueName":"q"}}}'],
];

const bodies = JSON_ROUTES.flatMap((line) =>
  NO_BODY.map(([name, body, shown]) =>
    refused(`00 §3 ${line} with ${name}`, line, shown === undefined ? [] : [shown], { body }),
  ),
);

type Wrong = readonly [body: unknown, says: readonly string[], status?: number];

function fields(section: string, line: string, wrong: readonly Wrong[]): Malformed[] {
  return wrong.map(([body, says, status = 400]) => {
    const text = JSON.stringify(body);
    return refused(`${section} ${line} ${text.slice(0, 90)}`, line, says, { body: text, status });
  });
}

/** One field of a body with one wrong value after the other. */
function each(
  make: (value: unknown) => unknown,
  field: string,
  values: readonly unknown[],
): Wrong[] {
  return values.map((value) => [make(value), [field, JSON.stringify(value).slice(0, 100)]]);
}

const NO_TEXT = [null, 7, true, ["x"], { x: 1 }];
const NO_NAME = ["", "a b", "a/b", "ü", LONG];

const queues = fields("03 §2", "POST /v2/queues", [
  [{}, ["queueName"]],
  [[], ["body", "[]"]],
  [{ queueName: "a\0b" }, ["queueName", "u0000"]],
  [{ queueName: "a\r\nb" }, ["queueName", "\\r\\n"]],
  ...each((queueName) => ({ queueName }), "queueName", [...NO_TEXT, ...NO_NAME]),
  ...each((parallelism) => ({ queueName: "new", parallelism }), "parallelism", [
    0,
    -1,
    1.5,
    1e10,
    1e300,
    "1",
    "",
    "many",
    true,
    [1],
    { max: 1 },
  ]),
  ...each((paused) => ({ queueName: "new", parallelism: 1, paused }), "paused", [
    "true",
    "",
    1,
    0,
    [true],
    {},
  ]),
  [{ queueName: "new", parallelism: 101 }, ["101"], 412],
  [{ queueName: "new", paralellism: 3 }, ["paralellism"]],
]);

const endpoints = (line: string) =>
  fields("03 §4", line, [
    [{}, ["endpoints"]],
    [[], ["body", "[]"]],
    ...each((given) => ({ endpoints: given }), "endpoints", [
      null,
      [],
      "https://e.test/",
      { a: 1 },
    ]),
    ...each((given) => ({ endpoints: [given] }), "endpoints[0]", [null, "x", 7, []]),
    [{ endpoints: [{}] }, ["endpoints[0]"]],
    [{ endpoints: [{ url: "https://e.test/", nmae: "e" }] }, ["endpoints[0]", "nmae"]],
    ...each((url) => ({ endpoints: [{ url }] }), "endpoints[0].url", [7, true, ["x"], { x: 1 }]),
    ...each((name) => ({ endpoints: [{ url: "https://e.test/", name }] }), "endpoints[0].name", [
      7,
      true,
      ["x"],
      { x: 1 },
    ]),
  ]);

const topics = [
  ...endpoints("POST /v2/topics/new/endpoints"),
  ...endpoints("DELETE /v2/topics/topic/endpoints"),
  ...fields("03 §4", "POST /v2/topics/new/endpoints", [
    [{ endpoints: [{ name: "no url" }] }, ["endpoints[0].url"]],
    ...each((url) => ({ endpoints: [{ url }] }), "endpoints[0].url", [
      "e.test",
      "ftp://e.test",
      "http://10.0.0.1/",
      "http://e.test:25/",
      "http://u:p@e.test/",
    ]),
    [
      { endpoints: [{ url: "https://e.test/" }, { url: "http://[::1]/" }] },
      ["endpoints[1].url", "[::1]"],
    ],
    [{ endpoints: [{ url: "https://e.test/\r\n" }] }, ["endpoints[0].url", "\\r\\n"]],
    [{ endpoints: [{ url: "https://e.test/", name: "a\0b" }] }, ["endpoints[0].name", "u0000"]],
    ...each((name) => ({ endpoints: [{ url: "https://e.test/", name }] }), "endpoints[0].name", [
      LONG,
    ]),
    [
      { endpoints: Array.from({ length: 101 }, (_, at) => ({ url: `https://e.test/${at}` })) },
      ["101"],
      412,
    ],
  ]),
  ...fields("03 §4", "PATCH /v2/topics/topic", [
    [{}, ["headers"]],
    ...each((headers) => ({ headers }), "headers", [null, [], "X: y", 7]),
    ...each((name) => ({ headers: { [String(name)]: "x" } }), "headers", ["", "a b", "x:y", LONG]),
    [{ headers: { "a\r\nb": "x" } }, ["headers", "\\r\\n"]],
    ...each(
      (value) => ({ headers: { X: value } }),
      "headers.X",
      NO_TEXT.filter((v) => !Array.isArray(v)),
    ),
    [{ headers: { X: "\ud800" } }, ["headers.X", "ud800"]],
    [{ headers: { X: ["a", 7] } }, ["headers.X", "7"]],
    [{ headers: { X: "y".repeat(20_000) } }, ["headers", "20001"], 413],
  ]),
  ...["a%20b", "%00", "%C3%BC", LONG, "%zz"].map((name) =>
    refused(
      `03 §4 POST to the topic ${name.slice(0, 20)}`,
      `POST /v2/topics/${name}/endpoints`,
      ["topic name"],
      {
        body: JSON.stringify({ endpoints: [{ url: "https://e.test/" }] }),
      },
    ),
  ),
];

const D = { destination: "https://d.test/" };
const batchItems = fields("01 §9", "POST /v2/batch", [
  [{}, ["not a list", "{}"]],
  [D, ["not a list", "d.test"]],
  ...each((item) => [item], "item 0", [null, 7, "https://d.test/", [], {}]),
  ...each((destination) => [{ destination }], "item 0", NO_TEXT),
  [[{ destination: "" }], ["item 0", "invalid destination url"]],
  [[{ destination: "no such topic" }], ["item 0", "invalid destination url"]],
  [
    [D, {}],
    ["item 1", "{}"],
  ],
  ...each((headers) => [{ ...D, headers }], "headers", [[], "X: y", 7]),
  ...each((value) => [{ ...D, headers: { X: value } }], "headers", [null, 7, { x: 1 }]),
  ...each((name) => [{ ...D, headers: { [String(name)]: "x" } }], "headers", ["", "a b", "x:y"]),
  [[{ ...D, headers: { "a\r\nb": "x" } }], ["headers", "\\r\\n"]],
  [[{ ...D, headers: { X: "a\r\nY: z" } }], ["headers", "\\r\\n"]],
  [[{ ...D, headers: { X: "a\0b" } }], ["headers", "u0000"]],
  [[{ ...D, headers: { "Upstash-Forward-X": "\ud800" } }], ["Upstash-Forward-X", "ud800"]],
  ...each((body) => [{ ...D, body }], "body", [7, true, ["x"], { x: 1 }]),
  [[{ ...D, body: "\ud800" }], ["d800"]],
  ...each((queue) => [{ ...D, queue }], "queue", [7, true, {}, ...NO_NAME]),
  [[{ ...D, queue: "a\0" }], ["queue", "u0000"]],
  [[{ ...D, callback: 7 }], ["callback", "7"]],
  [[{ ...D, callback: "c.test" }], ["Upstash-Callback", "c.test"]],
  [[{ ...D, headers: { "Upstash-Cron": "* * * * *" } }], ["Upstash-Cron", "* * * * *"]],
]);

/** Query parameters of contract 03 and what they cannot be. */
const NO_TIME = [
  "yesterday",
  "1.5",
  "-1",
  "1e3",
  "0x5",
  "NaN",
  "9".repeat(30),
  "2026-01-01",
  "%00",
];
const NO_COUNT = ["0", "-1", "ten", "1.5", "1e1", "0x1", "NaN", "%00"];
const NO_CURSOR = ["not-ours", "1", "%00", "..", "MS4yLjM", "AAAA", "1700000000000-0", "e30", "'"];
const NO_LIMIT = ["0", "-1", "1.5", "many", "1e2", "99999999999", "%00", "0x1", "true"];
const BROKEN = ["%zz", "%00", "a%00b", "%ff"];
const FILTERS = [
  "url",
  "label",
  "callerIp",
  "topicName",
  "scheduleId",
  "queueName",
  "flowControlKey",
];
const broken = Object.fromEntries(FILTERS.map((name) => [name, BROKEN]));

function parameters(
  section: string,
  line: string,
  wrong: Readonly<Record<string, readonly string[]>>,
  beside = "",
): Malformed[] {
  return Object.entries(wrong).flatMap(([name, values]) =>
    values.map((value) =>
      refused(
        `${section} ${line}?${name}=${value.slice(0, 60)}`,
        `${line}?${beside}${name}=${value}`,
        [name, inside(value)],
      ),
    ),
  );
}

/** What an error shows of a value that came percent-encoded. */
function inside(value: string): string {
  return quoted(decoded(value)).slice(1, 100).replace(/"$/, "");
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

const lists = [
  ...["GET /v2/logs", "GET /v2/events"].flatMap((line) =>
    parameters("03 §8", line, {
      fromDate: NO_TIME,
      toDate: NO_TIME,
      count: NO_COUNT,
      cursor: NO_CURSOR,
      state: ["LOST", "created", "%00", "'"],
      order: ["random", "asc", "%00"],
      messageIds: ["%00", "%zz"],
      host: ["%00", "%zz"],
      path: ["%00", "%zz"],
      ...broken,
    }),
  ),
  ...parameters("03 §5", "GET /v2/dlq", {
    fromDate: NO_TIME,
    toDate: NO_TIME,
    count: NO_COUNT,
    cursor: NO_CURSOR,
    responseStatus: ["ok", "5xx", "1.5", "1e3", "0x1f4", "99999999999", "%00"],
    source: ["queue", "Workflow", "%00"],
    order: ["random", "%00"],
    dlqIds: ["%00", "%zz"],
    messageId: ["%00", "%zz"],
    host: ["e.test"],
    path: ["/"],
    ...broken,
  }),
  ...["DELETE /v2/dlq", "POST /v2/dlq/retry"].flatMap((line) =>
    parameters("03 §5", line, {
      fromDate: NO_TIME,
      toDate: NO_TIME,
      count: NO_COUNT,
      cursor: NO_CURSOR,
      responseStatus: ["ok", "1.5", "%00"],
      dlqIds: ["", "%20", ",", "%00", "%zz"],
      messageId: ["", "%00", "%zz"],
      host: ["e.test"],
      path: ["/"],
      label: ["", ",", "%00"],
      url: ["", "%00"],
      limit: ["1"],
      dlqids: ["1-1"],
      __proto: ["x"],
    }),
  ),
  ...parameters("03 §1", "DELETE /v2/messages", {
    fromDate: ["", ...NO_TIME],
    toDate: ["", ...NO_TIME],
    count: ["", ...NO_COUNT],
    messageIds: ["", "%20", ",", "%00", "%zz"],
    state: ["CREATED"],
    limit: ["1"],
    messageids: ["msg_1"],
    cursor: ["1"],
    all: ["true"],
    topicName: ["", "%00", "%zz"],
    url: ["", "%00", "%zz"],
    host: ["", "%00"],
    path: ["", "%00"],
    label: ["", "%00"],
    constructor: ["x"],
    toString: ["x"],
  }),
  ...parameters("03 §6", "POST /v2/flowControl/key/pin", { parallelism: NO_LIMIT, rate: NO_LIMIT }),
  ...parameters(
    "03 §6",
    "POST /v2/flowControl/key/pin",
    { period: ["0", "-1", "1m", "1.5", "604801", "many", "%00"], limit: ["1"] },
    "rate=1&",
  ),
  ...parameters("03 §6", "POST /v2/flowControl/key/unpin", {
    parallelism: ["yes", "1", "0", "%00", "truefalse"],
    rate: ["yes", "1", "0", "%00"],
  }),
  ...parameters("03 §6", "GET /v2/flowControl", { search: ["%00", "%zz"] }),
  ...["fromDate", "toDate", "count", "cursor", "order"].map((name) =>
    refused(`03 §8 ${name} given twice`, `GET /v2/logs?${name}=1&${name}=2`, [name, '"1" and "2"']),
  ),
  refused("03 §6 a pin of nothing", "POST /v2/flowControl/key/pin", ["parallelism", "rate"]),
];

const keys = ["%20", "%00", "a%00b", "a%0d%0ab", LONG, "%7f"].flatMap((key) =>
  ["pause", "resume", "pin?rate=1", "unpin?rate=true", "resetRate", "reset"].map((verb) =>
    refused(`03 §6 ${verb} of the key ${key.slice(0, 20)}`, `POST /v2/flowControl/${key}/${verb}`, [
      "flow-control key",
      inside(key),
    ]),
  ),
);

/** Ids that nobody has: the error names what was not found. */
const IDS = [
  "nobody",
  "msg_1",
  "%00",
  "a%00b",
  "%zz",
  "..%2f..",
  "'%20OR%20'1'='1",
  "x".repeat(5_000),
];
const absent = [
  "GET /v2/messages/",
  "DELETE /v2/messages/",
  "GET /v2/dlq/",
  "DELETE /v2/dlq/",
  "POST /v2/dlq/retry/",
  "GET /v2/schedules/",
  "DELETE /v2/schedules/",
  "GET /v2/topics/",
  "DELETE /v2/topics/",
  "GET /v2/flowControl/",
].flatMap((line) =>
  IDS.map((id) => {
    const isNoKey = line.includes("flowControl") && (id.includes("%00") || id.length > 256);
    return refused(`00 §3 ${line}${id.slice(0, 30)}`, `${line}${id}`, [inside(id)], {
      status: isNoKey ? 400 : 404,
    });
  }),
);

const names = [
  ...["GET /v2/queues/", "DELETE /v2/queues/"].flatMap((line) =>
    ["a%20b", "%00", "%zz", "%C3%BC", LONG].map((name) =>
      refused(`03 §2 ${line}${name.slice(0, 20)}`, `${line}${name}`, ["queue name", inside(name)]),
    ),
  ),
  ...["pause", "resume"].flatMap((verb) => [
    refused(`03 §2 ${verb} of no queue`, `POST /v2/queues/nobody/${verb}`, ["nobody"], {
      status: 404,
    }),
    refused(`03 §2 ${verb} of a bad name`, `POST /v2/queues/a%20b/${verb}`, ["queue name", "a b"]),
    refused(`03 §3 ${verb} of no schedule`, `PATCH /v2/schedules/nobody/${verb}`, ["nobody"], {
      status: 404,
    }),
    refused(`03 §3 ${verb} of a bad id`, `POST /v2/schedules/a%00b/${verb}`, ["u0000"], {
      status: 404,
    }),
  ]),
  ...["DELETE /v2/messages/", "DELETE /v2/dlq/", "POST /v2/dlq/retry/"].map((line) =>
    refused(`07 Q21 ${line}`, line, [line.split(" ")[1] ?? ""]),
  ),
  ...["a%20b", "%00", "%C3%BC", LONG, "a,b", ""].map((name) =>
    refused(
      `01 §1 enqueue through ${name.slice(0, 20)}`,
      `POST /v2/enqueue/${name}/https://d.test/`,
      ["queue name"],
    ),
  ),
];

const NO_DESTINATION: readonly (readonly [destination: string, says: string])[] = [
  ["example.com", "invalid scheme"],
  ["no-such-topic", "invalid scheme"],
  ["a/b", "invalid scheme"],
  ["ftp://d.test/", "invalid scheme"],
  ["https:/d.test/", "invalid scheme"],
  ["https://", "https://"],
  ["https://d.test:99999/", "d.test:99999"],
  ["https://%zz/", "%zz"],
  ["https://a%00b/", "a%00b"],
  ["https://user@d.test/", "user name"],
  ["http://127.0.0.2/", "127.0.0.2"],
  ["http://10.0.0.1/", "10.0.0.1"],
  ["http://d.test:22/", "22"],
  ["api/llm", "api/llm"],
  ["api/unknown", "api/unknown"],
  [`https://d.test/${"x".repeat(8_200)}`, "8192"],
];
const destinations = ["publish", "enqueue/queue", "schedules"].flatMap((verb) =>
  NO_DESTINATION.map(([destination, says]) =>
    refused(
      `01 §2 ${verb} to ${destination.slice(0, 50)}`,
      `POST /v2/${verb}/${destination}`,
      ["invalid destination url", says],
      { headers: verb === "schedules" ? ["Upstash-Cron: 0 0 1 1 *"] : [] },
    ),
  ),
);

const methods = [
  ...["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"].flatMap((method) =>
    ["/v2/publish/https://d.test/", "/v2/enqueue/queue/https://d.test/", "/v2/batch"].map(
      (path) => [method, path] as const,
    ),
  ),
  ...["PUT", "OPTIONS", "PURGE"].flatMap((method) =>
    [
      "/v2/queues",
      "/v2/queues/queue",
      "/v2/messages",
      "/v2/messages/msg_1",
      "/v2/topics",
      "/v2/topics/topic",
      "/v2/topics/topic/endpoints",
      "/v2/schedules",
      "/v2/schedules/schedule",
      "/v2/dlq",
      "/v2/dlq/1-1",
      "/v2/dlq/retry",
      "/v2/dlq/retry/1-1",
      "/v2/keys",
      "/v2/keys/rotate",
      "/v2/logs",
      "/v2/events",
      "/v2/flowControl",
      "/v2/flowControl/key",
      "/v2/flowControl/key/pin",
      "/v2/queues/queue/pause",
      "/v2/globalParallelism",
    ].map((path) => [method, path] as const),
  ),
].map(([method, path]) =>
  refused(
    `00 §3 ${method} ${path}`,
    `${method} ${path}`,
    [method, path.replace(/\/(queue\/)?https.*$/, "")],
    { status: 405 },
  ),
);

const unknownRoutes = [
  "/v2",
  "/v2/",
  "/v2/nothing",
  "/v3/publish/https://d.test/",
  "/",
  "/v2/messages/a/b/c",
].map((path) => refused(`00 §10 no route ${path}`, `POST ${path}`, [path], { status: 404 }));

/** Everything of contract 00 to 03 that is not a header of a message. */
export const MALFORMED_RESOURCES: readonly Malformed[] = [
  ...bodies,
  ...queues,
  ...topics,
  ...batchItems,
  ...lists,
  ...keys,
  ...absent,
  ...names,
  ...destinations,
  ...methods,
  ...unknownRoutes,
];
