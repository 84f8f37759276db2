import { ANYWHERE, publicOnly } from "@omnistore/domain/deliver/destination-policy";
import type { Callback } from "@omnistore/domain/message/message";
import { planOf } from "@omnistore/domain/tenant/plans";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseQuery } from "../request/query.ts";
import { decodeOptions } from "./callback.ts";
import { gatherConfiguration } from "./configuration.ts";
import { decodePublishSettings } from "./publish-settings.ts";

type Callbacks = Readonly<Record<"callback" | "failureCallback", Callback | undefined>>;
const NOW = 1_700_000_000_000;
const PLAN = planOf("development", {});
type Header = readonly [name: string, value: string];

function callbacksOf(headers: readonly Header[], query = "", destinations = publicOnly()) {
  const configuration = gatherConfiguration(headers.flat(), parseQuery(query));
  const { callback, failureCallback } = decodeOptions(configuration, {
    destinations,
    nowMs: NOW,
    plan: PLAN,
  });
  return { callback, failureCallback };
}

const URL_OF_CALLBACK = ["Upstash-Callback", "https://c.test/done"] as const;
const URL_OF_FAILURE = ["Upstash-Failure-Callback", "https://f.test/failed"] as const;
const bare = (url: string): Callback => ({ url, method: "POST", headers: {}, options: {} });

const EVERY_SETTING: readonly Header[] = [
  ["Method", "PUT"],
  ["Timeout", "30"],
  ["Retries", "1"],
  ["Retry-Delay", "1000 * (1 + retried)"],
  ["Delay", "1m"],
  ["Flow-Control-Key", "callbacks"],
  ["Flow-Control-Value", "parallelism=2, rate=3, period=1m"],
  ["Redact-Fields", "body, header[x-secret]"],
  ["Label", "one, two"],
  ["Forward-X-Mine", "a"],
  ["Forward-x-mine", "b"],
  ["Forward-Authorization", "Bearer theirs"],
];

const EVERYTHING: Omit<Callback, "url"> = {
  method: "PUT",
  headers: { "X-Mine": ["a", "b"], Authorization: ["Bearer theirs"] },
  maxRetries: 1,
  delayMs: 60_000,
  options: {
    timeoutMs: 30_000,
    retryDelay: "1000 * (1 + retried)",
    labels: ["one", "two"],
    redaction: { body: true, headers: ["X-Secret"] },
    flowControl: { key: "callbacks", parallelism: 2, rate: 3, periodSeconds: 60 },
  },
};

const behind = (prefix: string, headers: readonly Header[]): Header[] =>
  headers.map(([name, value]) => [`${prefix}${name}`, value]);

const PREFIXES = [
  "Upstash-Callback-",
  "Upstash-Failure-Callback-",
  "Upstash-Callback-Callback-",
  "Upstash-Callback-Failure-Callback-",
  "Upstash-Failure-Callback-Callback-",
  "Upstash-Failure-Callback-Failure-Callback-",
] as const;

/** What each setting becomes, alone. */
const SETTINGS: readonly (readonly [name: string, value: string, Partial<Callback>])[] = [
  ["Method", "PUT", { method: "PUT" }],
  ["Timeout", "30", { options: { timeoutMs: 30_000 } }],
  ["Retries", "0", { maxRetries: 0 }],
  ["Retry-Delay", "1000", { options: { retryDelay: "1000" } }],
  ["Delay", "1m", { delayMs: 60_000 }],
  ["Delay", "0", {}],
  ["Not-Before", "1700000060", { notBeforeMs: NOW + 60_000 }],
  ["Not-Before", "1700000000.5", { notBeforeMs: NOW + 500 }],
  ["Not-Before", "1700000000", {}],
  ["Redact-Fields", "body", { options: { redaction: { body: true, headers: [] } } }],
  ["Label", "one", { options: { labels: ["one"] } }],
  ["Forward-X-Mine", "a", { headers: { "X-Mine": ["a"] } }],
  ["Content-Based-Deduplication", "false", {}],
  ["Header-Forward", "False", {}],
  ["Callback", "https://n.test/", { options: { callback: bare("https://n.test/") } }],
  [
    "Failure-Callback",
    "https://n.test/",
    { options: { failureCallback: bare("https://n.test/") } },
  ],
];

/** What is wrong with a setting, whatever callback it is of. */
const REFUSED = [
  ["Delay", "soon", 400],
  ["Delay", "366d", 412],
  ["Not-Before", "tomorrow", 400],
  ["Not-Before", "99999999999", 412],
  ["Method", "TRACE", 400],
  ["Retries", "-1", 400],
  ["Retries", "1001", 412],
  ["Retry-Delay", "pow(2", 400],
  ["Timeout", "0", 400],
  ["Redact-Fields", "bodies", 400],
  ["Label", "l".repeat(257), 400],
  ["Forward-X", "\ud800", 400],
  ["Flow-Control-Key", "alone", 400],
  ["Flow-Control-Value", "rate=1", 400],
  ["Cron", "* * * * *", 400],
  ["Schedule-Id", "scd_1", 400],
  ["Queue-Name", "queue", 400],
  ["Deduplication-Id", "once", 400],
  ["Content-Based-Deduplication", "true", 400],
  ["Content-Based-Deduplication", "maybe", 400],
  ["Header-Forward", "true", 400],
  ["Header-Forward", "maybe", 400],
] as const;

describe("00 §9 Upstash-Callback and Upstash-Failure-Callback", () => {
  it("are the URLs, and without more the callbacks are bare POSTs", () => {
    expect(callbacksOf([])).toEqual({});
    expect(callbacksOf([URL_OF_CALLBACK])).toEqual({ callback: bare("https://c.test/done") });
    expect(callbacksOf([URL_OF_FAILURE])).toEqual({
      failureCallback: bare("https://f.test/failed"),
    });
  });

  it("without the URL, what stands behind the prefix is about nothing and is ignored", () => {
    for (const prefix of PREFIXES) {
      expect(callbacksOf(behind(prefix, EVERY_SETTING))).toEqual({});
    }
  });

  it("are refused as destinations are, and named", () => {
    const refused = [
      [["Upstash-Callback", "c.test"], 'Upstash-Callback "c.test"'],
      [["Upstash-Failure-Callback", "my-topic"], 'Upstash-Failure-Callback "my-topic"'],
      [["Upstash-Callback", "http://10.0.0.1"], "private address: 10.0.0.1"],
      [["Upstash-Failure-Callback", "http://localhost"], "loopback address"],
    ] as const;
    for (const [header, words] of refused) {
      expect(() => callbacksOf([header])).toThrow(expect.objectContaining({ status: 400 }));
      expect(() => callbacksOf([header])).toThrow(words);
    }
    expect(callbacksOf([["Upstash-Callback", "http://localhost"]], "", ANYWHERE)).toEqual({
      callback: bare("http://localhost"),
    });
  });
});

describe("01 §3 Upstash-Callback-*", () => {
  it("sets everything a message can have, for each callback by itself", () => {
    expect(callbacksOf([URL_OF_CALLBACK, ...behind("Upstash-Callback-", EVERY_SETTING)])).toEqual({
      callback: { url: "https://c.test/done", ...EVERYTHING },
    });
    expect(
      callbacksOf([
        URL_OF_CALLBACK,
        URL_OF_FAILURE,
        ...behind("upstash-failure-callback-", EVERY_SETTING),
      ]),
    ).toEqual({
      callback: bare("https://c.test/done"),
      failureCallback: { url: "https://f.test/failed", ...EVERYTHING },
    });
  });

  it("is read as the plain headers are, by the same decoders", () => {
    const plain = decodePublishSettings(
      gatherConfiguration(behind("Upstash-", EVERY_SETTING).flat(), []),
      {
        nowMs: NOW,
        callerIp: undefined,
        authorizationIsOurs: true,
        plan: PLAN,
        defaultRetries: 3,
        destinations: publicOnly(),
      },
    );
    const { callback } = callbacksOf([
      URL_OF_CALLBACK,
      ...behind("Upstash-Callback-", EVERY_SETTING),
    ]);
    expect(callback).toMatchObject({
      method: plain.method,
      headers: plain.headers,
      maxRetries: plain.maxRetries,
      options: plain.options,
    });
  });

  it("does not touch the message, nor the message's settings the callback", () => {
    const headers = [
      URL_OF_CALLBACK,
      ["Upstash-Callback-Method", "PUT"],
      ["Upstash-Callback-Retries", "9"],
      ["Upstash-Callback-Forward-X", "callback"],
      ["Upstash-Forward-X", "message"],
      ["Upstash-Retries", "2"],
      ["Upstash-Delay", "5s"],
      ["Content-Type", "text/plain"],
      ["Upstash-Header-Forward", "true"],
      ["X-Foreign", "1"],
    ] as const;
    const settings = decodePublishSettings(gatherConfiguration(headers.flat(), []), {
      nowMs: NOW,
      callerIp: undefined,
      authorizationIsOurs: true,
      plan: PLAN,
      defaultRetries: 3,
      destinations: publicOnly(),
    });
    expect(settings).toMatchObject({ method: "POST", maxRetries: 2 });
    expect(settings.headers).toEqual({
      X: ["message"],
      "X-Foreign": ["1"],
      "Content-Type": ["text/plain"],
    });
    expect(settings.options.callback).toEqual({
      ...bare("https://c.test/done"),
      method: "PUT",
      maxRetries: 9,
      headers: { X: ["callback"] },
    });
  });

  it("may be one nobody knows, which is ignored", () => {
    const unknown = [
      ["Upstash-Callback-Workflow-RunId", "wfr_1"],
      ["Upstash-Callback-Feature-Set", "LazyFetch"],
      ["Upstash-Callbacks", "x"],
      ["Upstash-Callback-", "x"],
      ["Upstash-Failure-Retries", "x"],
    ] as const;
    expect(callbacksOf([URL_OF_CALLBACK, ...unknown])).toEqual({
      callback: bare("https://c.test/done"),
    });
  });

  it("may carry a forwarded name that itself begins with Upstash-", () => {
    const name = "Upstash-Failure-Callback-Forward-Upstash-Callback-Retries";
    expect(callbacksOf([URL_OF_FAILURE, [name, "x"]]).failureCallback?.headers).toEqual({
      "Upstash-Callback-Retries": ["x"],
    });
  });

  it.each(SETTINGS)("%s: %s is heard of either callback", (name, value, told) => {
    for (const prefix of PREFIXES.slice(0, 2)) {
      const url = prefix.slice(0, -1);
      const { callback = null, failureCallback = null } = callbacksOf([
        [url, "https://c.test/"],
        [`${prefix}${name}`, value],
      ]);
      expect(callback ?? failureCallback).toEqual({ ...bare("https://c.test/"), ...told });
    }
  });

  it.each(REFUSED)("%s: %s is refused by the name it was sent under", (name, value, status) => {
    for (const prefix of PREFIXES) {
      const given = [`${prefix}${name}`, value] as const;
      const urls = [URL_OF_CALLBACK, URL_OF_FAILURE, [prefix.slice(0, -1), "https://n.test/"]];
      const withUrls = new Map([...urls, given].map(([header, text]) => [header, text] as const));
      for (const headers of [[...withUrls] as Header[], [given]]) {
        const decode = () => callbacksOf(headers);
        expect(decode).toThrow(expect.objectContaining({ status }));
        expect(decode).toThrow(`${prefix}${name} ${JSON.stringify(value).slice(0, 100)}`);
      }
    }
  });

  it("may not be a URL that nothing can be sent to, even where it is about nothing", () => {
    for (const name of ["Upstash-Callback-Callback", "Upstash-Failure-Callback-Failure-Callback"]) {
      expect(() => callbacksOf([[name, "nowhere"]])).toThrow(`${name} "nowhere" cannot be called`);
    }
  });
});

describe("00 §8 callbacks from query parameters", () => {
  it("work too, and a header wins over its own parameter only", () => {
    const query = [
      "upstash-callback=https%3A%2F%2Fq.test%2F%3Fa%3D1",
      "upstash-callback-retries=4",
      "upstash-callback-method=PUT",
      "upstash-callback-forward-x=1",
      "upstash-callback-failure-callback=https://nested.test",
      "upstash-callback-unknown=%zz",
    ].join("&");
    expect(callbacksOf([["Upstash-Callback-Retries", "5"]], query)).toEqual({
      callback: {
        ...bare("https://q.test/?a=1"),
        method: "PUT",
        maxRetries: 5,
        headers: { X: ["1"] },
        options: { failureCallback: bare("https://nested.test") },
      },
    });
  });
});

describe("07 Q44 callbacks of callbacks", () => {
  it("are configured behind both prefixes", () => {
    const nested = "Upstash-Callback-Failure-Callback";
    expect(
      callbacksOf([
        URL_OF_CALLBACK,
        [nested, "https://n.test"],
        ...behind(`${nested}-`, EVERY_SETTING),
      ]),
    ).toEqual({
      callback: {
        ...bare("https://c.test/done"),
        options: { failureCallback: { url: "https://n.test", ...EVERYTHING } },
      },
    });
  });

  it("are named by both prefixes when they are refused", () => {
    const headers = [
      URL_OF_FAILURE,
      ["Upstash-Failure-Callback-Callback", "https://n.test"],
      ["Upstash-Failure-Callback-Callback-Retries", "x"],
    ] as const;
    expect(() => callbacksOf(headers)).toThrow('Upstash-Failure-Callback-Callback-Retries "x"');
  });

  it("have none themselves, however the prefixes are stacked", () => {
    const prefix = fc.constantFrom("Callback-", "Failure-Callback-");
    fc.assert(
      fc.property(fc.array(prefix, { minLength: 1, maxLength: 40 }), (prefixes) => {
        const headers = prefixes.map((_, index): Header => {
          const name = `Upstash-${prefixes.slice(0, index + 1).join("")}`;
          return [name.slice(0, -1), "https://n.test"];
        });
        let depth = 0;
        let options: Partial<Callbacks> = callbacksOf(headers);
        for (const name of prefixes) {
          const next = name === "Callback-" ? options.callback : options.failureCallback;
          if (next === undefined) break;
          depth += 1;
          options = next.options;
        }
        expect(depth).toBe(Math.min(2, prefixes.length));
      }),
    );
  });
});
