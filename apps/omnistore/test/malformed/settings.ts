import { quoted, refused, type Malformed } from "./request.ts";

/** A header of contract 01 §3 and values that it cannot have. */
interface Setting {
  readonly header: string;
  readonly bad: readonly string[];
  /** Understood, but more than anybody may ask for. */
  readonly over?: readonly string[];
  /** Other headers without which this one would mean nothing. */
  readonly beside?: Readonly<Record<string, string>>;
}

const LONG = "x".repeat(257);
const HUGE = "9".repeat(400);
const INJECTIONS = ["'; DROP TABLE messages; --", "${7*7}", "null"];
const NO_NUMBER = [
  "",
  "many",
  "-1",
  "+1",
  "1.5",
  "1e2",
  "0x10",
  "1 2",
  "1,2",
  "NaN",
  "Infinity",
  "true",
];
const NO_DURATION = [
  "",
  "soon",
  "-5s",
  "+5s",
  "1.5h",
  "10ms",
  "1w",
  "s",
  "1e3s",
  "0x10",
  "5 s",
  "1h30",
  "1,5s",
  "NaN",
  "Infinity",
  ...INJECTIONS,
];
const NO_BOOLEAN = ["", "yes", "1", "0", "on", "truefalse", "t", "null"];
const NO_NAME = ["", "a b", "a/b", "../../etc/passwd", "a,b", "a:b", "ü", LONG, "'; DROP TABLE"];
const NO_URL = [
  "",
  "c.test",
  "my-topic",
  "api/llm",
  "ftp://c.test",
  "https://",
  "https:///path",
  "//c.test",
  "http://127.0.0.2/",
  "http://169.254.169.254/latest",
  "http://c.test:99999/",
  "http://c.test:25/",
  "http://user:word@c.test/",
  "javascript:alert(1)",
  "http://[::1]/",
];

const SETTINGS: readonly Setting[] = [
  {
    header: "Upstash-Method",
    bad: ["", "post", "TRACE", "CONNECT", "HEAD", "GET POST", "GET,POST", "*", ...INJECTIONS],
  },
  { header: "Upstash-Delay", bad: NO_DURATION, over: ["366d", "8761h", HUGE] },
  {
    header: "Upstash-Not-Before",
    bad: ["", "tomorrow", "-1", "+1", "1e9", "0x5f", "NaN", "Infinity", "1.", ".5", "2026-01-01"],
    over: ["99999999999", HUGE],
  },
  { header: "Upstash-Retries", bad: NO_NUMBER, over: ["1001", HUGE] },
  {
    header: "Upstash-Retry-Delay",
    bad: [
      "",
      "pow(2",
      "pow()",
      "pow(1,2,3)",
      "min(1)",
      "1000 +",
      "* 2",
      "1000; 2",
      "a",
      "1e",
      "()",
      "process.exit()",
      "retried.constructor",
      "retried retried",
      "retried[0]",
      "(".repeat(5e3),
      `1+${"(".repeat(3e3)}1${")".repeat(3e3)}`,
    ],
  },
  { header: "Upstash-Timeout", bad: ["0", "0s", ...NO_DURATION], over: ["121m", "1d", HUGE] },
  { header: "Upstash-Deduplication-Id", bad: ["", LONG] },
  { header: "Upstash-Content-Based-Deduplication", bad: NO_BOOLEAN },
  { header: "Upstash-Header-Forward", bad: NO_BOOLEAN },
  { header: "Upstash-Callback", bad: NO_URL },
  { header: "Upstash-Failure-Callback", bad: NO_URL },
  {
    header: "Upstash-Flow-Control-Key",
    bad: ["", LONG],
    beside: { "Upstash-Flow-Control-Value": "rate=1" },
  },
  { header: "Upstash-Flow-Control-Key", bad: ["without-a-value"] },
  { header: "Upstash-Flow-Control-Value", bad: ["rate=1"] },
  {
    header: "Upstash-Flow-Control-Value",
    bad: [
      "",
      ",",
      "parallelism",
      "parallelism=",
      "parallelism=0",
      "parallelism=-1",
      "burst=1",
      "parallelism=1.5",
      "parallelism=many",
      "parallelism=1e3",
      "parallelism=99999999999",
      "parallelism:1",
      "parallelism=1,parallelism=2",
      "rate=0",
      "rate=1,rate=1",
      "rate==1",
      "rate=1,,period=1s",
      "period=1m",
      "rate=1,period=0",
      "rate=1,period=8d",
      "=1",
      "rate=1,period=x",
      "rate=1;period=1s",
      "rate=1,burst=1",
      ...INJECTIONS,
    ],
    beside: { "Upstash-Flow-Control-Key": "k" },
  },
  { header: "Upstash-Label", bad: [LONG, "l,".repeat(33)] },
  {
    header: "Upstash-Redact-Fields",
    bad: [
      "bodies",
      "header[]",
      "header[a b]",
      "header[x",
      "headerx]",
      "body header",
      "body;header",
    ],
  },
];

/** A schedule refuses the first altogether, which is among its own, and ignores the others (01 §5). */
const OF_PUBLISHES = /-(Not-Before|Deduplication-Id|Content-Based-Deduplication)$/;

const ON_A_SCHEDULE = { "Upstash-Cron": "0 0 1 1 *" };

const OF_SCHEDULES: readonly Setting[] = [
  {
    header: "Upstash-Cron",
    bad: [
      "",
      "*",
      "* * * *",
      "* * * * * *",
      "60 * * * *",
      "-1 * * * *",
      "* 24 * * *",
      "* * 0 * *",
      "* * 32 * *",
      "* * * 0 *",
      "* * * 13 *",
      "* * * * 8",
      "a * * * *",
      "*/0 * * * *",
      "5-1 * * * *",
      "1,,2 * * * *",
      "1.5 * * * *",
      "*/-1 * * * *",
      "every minute",
      "CRON_TZ=Mars/Olympus * * * * *",
      "CRON_TZ= * * * * *",
      "CRON_TZ=UTC",
    ],
  },
  { header: "Upstash-Schedule-Id", bad: NO_NAME, beside: ON_A_SCHEDULE },
  { header: "Upstash-Queue-Name", bad: NO_NAME, beside: ON_A_SCHEDULE },
  { header: "Upstash-Not-Before", bad: ["1"], beside: ON_A_SCHEDULE },
];

/** What a message may have and a callback may not, though the value be a good one. */
const NOT_OF_CALLBACKS: readonly Setting[] = [
  { header: "Upstash-Cron", bad: ["* * * * *"] },
  { header: "Upstash-Schedule-Id", bad: ["id"] },
  { header: "Upstash-Queue-Name", bad: ["queue"] },
  { header: "Upstash-Deduplication-Id", bad: ["id"] },
  { header: "Upstash-Content-Based-Deduplication", bad: ["true"] },
  { header: "Upstash-Header-Forward", bad: ["true"] },
];

/** Settings of callbacks, each behind its prefix, with the URLs that they are about or without. */
const OF_CALLBACKS: readonly Setting[] = [
  { prefix: "Upstash-Callback", urls: ["Upstash-Callback"] },
  { prefix: "Upstash-Failure-Callback", urls: ["Upstash-Failure-Callback"] },
  {
    prefix: "Upstash-Callback-Failure-Callback",
    urls: ["Upstash-Callback", "Upstash-Callback-Failure-Callback"],
  },
  { prefix: "Upstash-Callback", urls: [] },
].flatMap(({ prefix, urls }) =>
  // 07 Q44: what would be a third level is nothing we know.
  [
    ...SETTINGS.filter(({ header }) => urls.length < 2 || !header.endsWith("-Callback")),
    ...NOT_OF_CALLBACKS,
  ].map(({ header, bad, over = [], beside = {} }) => ({
    header: behind(prefix, header),
    bad: shortOnes(bad),
    over: shortOnes(over),
    beside: {
      ...Object.fromEntries(urls.map((url) => [url, "https://c.test/"])),
      ...Object.fromEntries(
        Object.entries(beside).map(([name, value]) => [behind(prefix, name), value]),
      ),
    },
  })),
);

function behind(prefix: string, name: string): string {
  return name.replace(/^Upstash/, prefix);
}

function shortOnes(values: readonly string[]): readonly string[] {
  return values.filter(({ length }) => length < 300).slice(0, 2);
}

type Place = (setting: Setting, value: string, status: number) => Malformed | null;

const PUBLISH = "/v2/publish/https://d.test/hook";

/** What survives as a header value: Latin-1 without control characters, not trimmed. */
const PLAIN = /^(?! )[\u0020-\u007e]*(?<! )$/;

const asHeader =
  (line: string): Place =>
  ({ header, beside = {} }, value, status) => {
    if (!PLAIN.test(value)) return null;
    const lines = Object.entries(beside).map(([name, text]) => `${name}: ${text}`);
    return refused(
      `01 §3 ${line}: ${JSON.stringify({ ...beside, [header]: value.slice(0, 60) })}`,
      line,
      [header, quoted(value)],
      { headers: [...lines, `${header}: ${value}`], status },
    );
  };

const asParameter: Place = ({ header, beside }, value, status) => {
  const given = { ...beside, [header]: value };
  // Node reads no more of a head than fits; the values this long are tried as headers.
  const parameters = Object.entries(given).map(
    ([name, text]) => `${name.toLowerCase()}=${encodeURIComponent(text)}`,
  );
  return refused(
    `00 §8 as parameters: ${JSON.stringify({ ...beside, [header]: value.slice(0, 60) })}`,
    `POST ${PUBLISH}?${parameters.join("&")}`,
    [header, quoted(value)],
    { status },
  );
};

/** All items of a batch invalid: the whole is 400, whatever the item alone would be. */
const inBatch: Place = ({ header, beside }, value) =>
  refused(
    `01 §9 in a batch: ${JSON.stringify({ ...beside, [header]: value.slice(0, 60) })}`,
    "POST /v2/batch",
    ["item 0", header, quoted(value)],
    {
      body: JSON.stringify([
        { destination: "https://d.test/", headers: { ...beside, [header]: value } },
      ]),
    },
  );

const onTopic: Place = ({ header, beside }, value, status) =>
  refused(
    `03 §4 on a topic: ${JSON.stringify({ ...beside, [header]: value.slice(0, 60) })}`,
    "PATCH /v2/topics/topic",
    [header, quoted(value)],
    { body: JSON.stringify({ headers: { ...beside, [header]: value } }), status },
  );

function everywhere(settings: readonly Setting[], places: readonly Place[]): Malformed[] {
  return settings.flatMap((setting) =>
    places.flatMap((place) =>
      [
        ...setting.bad.map((value) => place(setting, value, 400)),
        ...(setting.over ?? []).map((value) => place(setting, value, 412)),
      ].filter((malformed) => malformed !== null),
    ),
  );
}

/** The first values of each: the decoders are the same, only the way to them is another. */
function few(settings: readonly Setting[]): readonly Setting[] {
  return settings.map(({ header, bad, over = [], beside = {} }) => ({
    header,
    bad: bad.slice(0, 3),
    over: over.slice(0, 1),
    beside,
  }));
}

/** One setting with two values, of which either could be the one that was meant. */
const TWICE = Object.entries({
  "Upstash-Method": ["PUT", "POST"],
  "Upstash-Delay": ["1h", "2h"],
  "Upstash-Not-Before": ["4102444800", "4102444801"],
  "Upstash-Retries": ["1", "2"],
  "Upstash-Retry-Delay": ["1", "2"],
  "Upstash-Timeout": ["1", "2"],
  "Upstash-Deduplication-Id": ["one", "two"],
  "Upstash-Content-Based-Deduplication": ["true", "false"],
  "Upstash-Header-Forward": ["true", "false"],
  "Upstash-Callback": ["https://a.test/", "https://b.test/"],
  "Upstash-Failure-Callback": ["https://a.test/", "https://b.test/"],
  "Upstash-Flow-Control-Key": ["one", "two"],
  "Upstash-Cron": ["0 0 1 1 *", "0 0 2 1 *"],
  "Upstash-Schedule-Id": ["one", "two"],
  "Upstash-Queue-Name": ["one", "two"],
  "Content-Type": ["text/plain", "text/html"],
}).map(([name, [first = "", second = ""]]) =>
  refused(`00 §8 ${name} given twice`, `POST ${PUBLISH}`, [name, second], {
    headers: [`${name}: ${first}`, `${name}: ${second}`],
  }),
);

/** What no header can hold, brought by a query or by JSON. */
const UNSENDABLE = ["a\r\nInjected: b", "a\nb", "a\rb", "a\0b", "a\u0001b", "a\u007fb"].flatMap(
  (text) => [
    ...everywhere(
      ["Forward-X", "Label", "Deduplication-Id", "Method", "Callback"].map((name) => ({
        header: `Upstash-${name}`,
        bad: [text],
      })),
      [asParameter, inBatch, onTopic],
    ),
    ...everywhere([{ header: "Content-Type", bad: [text] }], [inBatch, onTopic]),
    refused(
      `00 §8 a forwarded name that holds ${JSON.stringify(text)}`,
      `POST ${PUBLISH}?upstash-forward-${encodeURIComponent(text)}=1`,
      ["Upstash-Forward-", quoted(text)],
    ),
  ],
);

/** Every header of contract 01 §3, with every class of bad values, wherever it may be given. */
export const MALFORMED_SETTINGS: readonly Malformed[] = [
  ...everywhere(SETTINGS, [asHeader(`POST ${PUBLISH}`)]),
  ...everywhere(
    SETTINGS.map((setting) => ({
      ...setting,
      bad: setting.bad.filter(({ length }) => length < 2_000),
    })),
    [asParameter, inBatch],
  ),
  ...everywhere(few(SETTINGS), [
    onTopic,
    asHeader("POST /v2/enqueue/queue/https://d.test/hook"),
    asHeader("POST /v2/dlq/retry/1700000000000-0000000000000000"),
  ]),
  ...everywhere(
    few(SETTINGS.filter(({ header }) => !OF_PUBLISHES.test(header))).map((setting) => ({
      ...setting,
      beside: { ...ON_A_SCHEDULE, ...setting.beside },
    })),
    [asHeader("POST /v2/schedules/https://d.test/hook")],
  ),
  ...everywhere(OF_SCHEDULES, [
    asHeader("POST /v2/schedules/https://d.test/hook"),
    asHeader(`POST ${PUBLISH}`),
    asParameter,
  ]),
  ...everywhere(OF_CALLBACKS, [asHeader(`POST ${PUBLISH}`), inBatch]),
  ...TWICE,
  ...UNSENDABLE,
];
