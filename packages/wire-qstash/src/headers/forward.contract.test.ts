import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseQuery } from "../request/query.ts";
import { gatherConfiguration, gatherFromJson } from "./configuration.ts";
import { decodeHeaders } from "./forward.ts";

function headersOf(
  headers: readonly (readonly [string, string])[],
  query = "",
  authorizationIsOurs = true,
) {
  const configuration = gatherConfiguration(headers.flat(), parseQuery(query));
  return decodeHeaders(configuration, { authorizationIsOurs });
}

describe("00 §9 Upstash-Forward-*", () => {
  it("loses its prefix, whatever its case, and gets the canonical name", () => {
    expect(headersOf([["upstash-FORWARD-x-my-HEADER", "v"]])).toEqual({ "X-My-Header": ["v"] });
  });

  it("keeps every value of a repeated header, in order", () => {
    const repeated = [
      ["Upstash-Forward-Accept", "a"],
      ["upstash-forward-accept", "b"],
      ["Upstash-Forward-Accept", "a"],
    ] as const;
    expect(headersOf(repeated)).toEqual({ Accept: ["a", "b", "a"] });
  });

  it("may carry a name that itself begins with Upstash-", () => {
    const name = "Upstash-Forward-Upstash-Workflow-Invoke-Count";
    expect(headersOf([[name, "2"]])).toEqual({ "Upstash-Workflow-Invoke-Count": ["2"] });
  });

  it("may come as a query parameter, over which a header wins", () => {
    const query = "upstash-forward-a=query&upstash-forward-b=query";
    expect(headersOf([["Upstash-Forward-A", "header"]], query)).toEqual({
      A: ["header"],
      B: ["query"],
    });
  });

  it("may carry any name without touching what names mean to JavaScript", () => {
    const headers = headersOf([
      ["Upstash-Forward-__proto__", "a"],
      ["Upstash-Forward-constructor", "b"],
    ]);
    expect(Object.entries(headers)).toEqual([
      ["__proto__", ["a"]],
      ["Constructor", ["b"]],
    ]);
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
  });

  it("delivers the publisher's Authorization only when it is forwarded by name", () => {
    const own = ["Authorization", "Bearer ours"] as const;
    expect(headersOf([own])).toEqual({});
    expect(headersOf([own, ["Upstash-Forward-Authorization", "Bearer theirs"]])).toEqual({
      Authorization: ["Bearer theirs"],
    });
  });
});

describe("00 §9 Content-Type", () => {
  it("is delivered as published, and Upstash-Forward-Content-Type does not override it", () => {
    const published = ["content-type", "text/x; q=1"] as const;
    const forwarded = ["Upstash-Forward-Content-Type", "application/json"] as const;
    expect(headersOf([published, forwarded])).toEqual({ "Content-Type": ["text/x; q=1"] });
    expect(headersOf([forwarded])).toEqual({});
  });
});

describe("01 §3 Upstash-Header-Forward", () => {
  const request = [
    ["Host", "omnistore"],
    ["Content-Length", "2"],
    ["Content-Type", "text/plain"],
    ["Content-Encoding", "gzip"],
    ["Connection", "close, X-Hop"],
    ["X-Hop", "1"],
    ["Authorization", "Bearer token"],
    ["Upstash-Retries", "1"],
    ["X-Signature", "abc"],
    ["Accept", "a"],
    ["Accept", "b"],
  ] as const;
  const all = ["Upstash-Header-Forward", "True"] as const;

  it("drops headers without the prefix unless it is true", () => {
    expect(headersOf(request)).toEqual({ "Content-Type": ["text/plain"] });
  });

  it("forwards every header of the request that is not of the connection or ours", () => {
    const expected = {
      "Content-Encoding": ["gzip"],
      "Content-Type": ["text/plain"],
      "X-Signature": ["abc"],
      Accept: ["a", "b"],
    };
    expect(headersOf([...request, all])).toEqual(expected);
    expect(headersOf(request, "upstash-header-forward=true", false)).toEqual({
      ...expected,
      Authorization: ["Bearer token"],
    });
  });

  it("yields to a header that is forwarded by name", () => {
    const named = ["Upstash-Forward-X-Signature", "mine"] as const;
    expect(headersOf([...request, all, named])).toMatchObject({ "X-Signature": ["mine"] });
  });
});

describe("02 §1 header hygiene", () => {
  it.each([
    "Host",
    "Content-Length",
    "Connection",
    "Keep-Alive",
    "Transfer-Encoding",
    "TE",
    "Trailer",
    "Upgrade",
    "Proxy-Authorization",
    "Proxy-Anything",
    "Expect",
    "Accept-Encoding",
    "HTTP2-Settings",
    "Upstash-Telemetry-Sdk",
    "Transfer_Encoding",
    "Content_Length",
    "Content_Type",
    "Proxy_Authorization",
    "Keep_Alive",
  ])("%s is never forwarded, in any case", (name) => {
    for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
      expect(headersOf([[`Upstash-Forward-${spelled}`, "x"]])).toEqual({});
    }
  });
});

describe("01 §3 Content-Type", () => {
  it("is refused when it is given twice, as a batch can in two spellings", () => {
    const twice = [
      ["Content-Type", "text/plain"],
      ["content-type", "text/html"],
    ] as const;
    expect(() => headersOf(twice)).toThrow('given twice: "text/plain" and "text/html"');
  });
});

describe("00 §8 configuration", () => {
  it("is text in UTF-8, else in Latin-1, while what is forwarded keeps its bytes", () => {
    const utf8 = Buffer.from("größe 日本").toString("latin1");
    const { settings, forwarded } = gatherConfiguration(
      [
        ["Upstash-Label", utf8],
        ["Upstash-Deduplication-Id", "größe"],
        ["Upstash-Forward-X", utf8],
      ].flat(),
      [],
    );
    expect(Object.fromEntries(settings)).toEqual({
      label: "größe 日本",
      "deduplication-id": "größe",
    });
    expect(forwarded).toEqual([{ name: "X", value: utf8 }]);
  });

  it("is text already where it came as JSON", () => {
    const { settings } = gatherFromJson(["Upstash-Label", "Ã¼ 日本"]);
    expect(Object.fromEntries(settings)).toEqual({ label: "Ã¼ 日本" });
  });

  it("is taken from the header before the query parameter", () => {
    const { settings } = gatherConfiguration(
      ["Upstash-Retries", "1"],
      parseQuery("upstash-retries=2&UPSTASH-Delay=1%20s&upstash-unknown=%zz"),
    );
    expect(Object.fromEntries(settings)).toEqual({ retries: "1", delay: "1 s" });
  });

  it("joins the parts of a list and ignores what it does not know", () => {
    const { settings } = gatherConfiguration(
      [
        ["Upstash-Label", "a, b"],
        ["upstash-label", "c"],
        ["Upstash-Telemetry-Sdk", "x"],
        ["Upstash-Telemetry-Sdk", "y"],
        ["Upstash-Workflow-Init", "true"],
        ["Upstash-Callback-Retries", "1"],
      ].flat(),
      [],
    );
    expect(Object.fromEntries(settings)).toEqual({ label: "a, b,c" });
  });

  it("never fails but with a refusal, whatever the headers", () => {
    const name = fc.oneof(
      fc.constantFrom("Upstash-Forward-", "Content-Type", "Upstash-Header-Forward", "Accept"),
      fc.string().map((text) => `upstash-forward-${text}`),
    );
    const field = fc.tuple(name, fc.oneof(fc.constant("true"), fc.string({ unit: "binary" })));
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        try {
          for (const [header, values] of Object.entries(headersOf(fields))) {
            expect(header).toMatch(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/);
            expect(values.join("")).toMatch(/^[\t\u0020-\u007e\u0080-\u00ff]*$/);
          }
        } catch (error) {
          expect(error).toMatchObject({ name: "InvalidRequest", status: 400 });
        }
      }),
    );
  });
});
