import { raw, refused, type Malformed } from "./request.ts";

/** Contract 06 §1. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;

const PUBLISH = "POST /v2/publish/https://d.test/hook";
const HOST = "Host: omnistore.test";
const HEAD = `${PUBLISH} HTTP/1.1\r\n${HOST}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n`;

/** The same request with another beginning, and nothing more. */
const line = (from: string | RegExp, to: string) => `${HEAD.replace(from, to)}\r\n`;
/** The same request with one more header line. */
const header = (text: string) => `${HEAD}${text}\r\n\r\n`;
const chunks = (text: string) => `${HEAD}Transfer-Encoding: chunked\r\n\r\n${text}`;

const requestLines: readonly Malformed[] = [
  raw("no HTTP at all", "hello\r\n\r\n", ["hello"]),
  raw("an unknown method", line("POST", "BREW"), ["BREW"]),
  raw("a method in lower case", line("POST", "post"), ["post"]),
  raw("no method", line("POST ", " "), ["/v2/publish"]),
  raw("a method with a NUL", line("POST", "PO\0ST"), ["u0000"]),
  raw("no target", line(/POST \S+ /, "POST "), ["POST"]),
  raw("a target with a blank", line("/hook", "/ho ok"), ["ok"]),
  raw("a target with a NUL", line("/hook", "/ho\0ok"), ["u0000"]),
  raw("a target with a tab", line("/hook", "/ho\tok"), ["\\t"]),
  raw("a target without a slash", line(" /v2", " v2"), ["v2/publish"]),
  raw("an absolute target of another scheme", line(" /v2", " ftp://omnistore.test/v2"), [
    "ftp://omnistore.test",
  ]),
  raw("an absolute target without a host", line(" /v2", " http:///v2"), ["http:///v2"]),
  raw("an absolute target with credentials", line(" /v2", " http://u:p@omnistore.test/v2"), [
    "u:p@omnistore.test",
  ]),
  raw("an absolute target for another host", line(" /v2", " http://evil.test/v2"), [
    "Host",
    "evil.test",
  ]),
  raw("an asterisk", line(/POST \S+/, "OPTIONS *"), ["*"]),
  raw("an authority as the target", line(/POST \S+/, "CONNECT d.test:443"), ["CONNECT"], 405),
  raw("a tunnel to a path", line("POST", "CONNECT"), ["CONNECT"], 405),
  raw("a version that is none", line("HTTP/1.1", "HTTP/9.9"), ["HTTP/9.9"]),
  raw("a version of another protocol", line("HTTP/1.1", "ICY/1.1"), ["ICY/1.1"]),
  raw("HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ["HTTP/2.0"]),
  raw("TLS to a plain port", Buffer.from("160301020001000001fc0303", "hex"), ["u0016"]),
  raw("a target of 70,000 bytes", line("/hook", `/${"x".repeat(70_000)}`), ["65536"], 431),
];

const headerLines: readonly Malformed[] = [
  raw("no host", line(`${HOST}\r\n`, ""), ["Host"]),
  raw("an empty host", line(HOST, "Host:"), ["Host", '""']),
  raw("a host with a path", line(HOST, `${HOST}/x`), ["Host", "omnistore.test/x"]),
  raw("a host with credentials", line(HOST, "Host: user@omnistore.test"), [
    "Host",
    "user@omnistore.test",
  ]),
  raw("a host with a blank", line(HOST, "Host: omnistore test"), ["Host", "omnistore test"]),
  raw("two hosts", line(HOST, `${HOST}\r\nHost: evil.test`), ["Host", "evil.test"]),
  raw("two tokens", header("Authorization: Bearer other"), ["Authorization"]),
  raw("a header without a colon", header("no colon here"), ["no colon here"]),
  raw("a header without a name", header(": value"), [": value"]),
  raw("a blank before the colon", header("X-Blank : value"), ["X-Blank"]),
  raw("a blank in a name", header("X Blank: value"), ["X Blank"]),
  raw("a NUL in a name", header("X\0Nul: value"), ["u0000"]),
  raw("a NUL in a value", header("X-Nul: va\0lue"), ["X-Nul", "u0000"]),
  raw("a bare CR in a value", header("X-Cr: va\rX-Injected: lue"), ["X-Cr"]),
  raw("a bare LF in a value", header("X-Lf: va\nX-Injected: lue"), ["X-Lf"]),
  raw("a control character in a value", header("X-Bell: va\u0007lue"), ["X-Bell", "u0007"]),
  raw("DEL in a value", header("X-Del: va\u007flue"), ["X-Del", "u007f"]),
  raw("a name in UTF-8", Buffer.from(header("X-Ü: value")), ["X-"]),
  raw("a folded header", header("X-Folded: a\r\n b"), ["X-Folded"]),
  raw("a header of 70,000 bytes", header(`X-Long: ${"x".repeat(70_000)}`), ["65536"], 431),
  raw("headers of 70,000 bytes", header("X-Many: 1234567890\r\n".repeat(4_500)), ["65536"], 431),
  raw("2,500 headers", header("A: b\r\n".repeat(2_500).trimEnd()), ["2503", "headers"], 431),
  raw("an expectation", header("Expect: 200-ok\r\nContent-Length: 0"), ["Expect", "200-ok"], 417),
];

const framing: readonly Malformed[] = [
  raw("two lengths", `${header("Content-Length: 1\r\nContent-Length: 2")}ab`, ["Content-Length"]),
  raw("one length twice", `${header("Content-Length: 1\r\nContent-Length: 1")}a`, [
    "Content-Length",
  ]),
  raw(
    "a length and chunks",
    `${header("Content-Length: 5\r\nTransfer-Encoding: chunked")}0\r\n\r\n`,
    ["Transfer-Encoding"],
  ),
  raw(
    "chunks and a length",
    `${header("Transfer-Encoding: chunked\r\nContent-Length: 5")}0\r\n\r\n`,
    ["Content-Length"],
  ),
  ...["-1", "+1", "1.0", "1e1", "0x1", "one", "", "1 1", "1, 1", "9".repeat(20), "1_0"].map(
    (value) =>
      raw(`the length ${value}`, `${header(`Content-Length: ${value}`)}a`, ["Content-Length"]),
  ),
  ...[
    "gzip",
    "identity",
    "chunked, gzip",
    "gzip, chunked",
    "chunked, chunked",
    "xchunked",
    "chunked;q=1",
    "",
    "chunk",
  ].map((value) =>
    raw(`the transfer coding ${value}`, `${header(`Transfer-Encoding: ${value}`)}0\r\n\r\n`, [
      "Transfer-Encoding",
    ]),
  ),
  raw(
    "chunked twice",
    `${header("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")}0\r\n\r\n`,
    ["Transfer-Encoding"],
  ),
  raw("a disguised transfer coding", `${header("Transfer-Encoding : chunked")}0\r\n\r\n`, [
    "Transfer-Encoding",
  ]),
  raw("a chunk size that is none", chunks("xyz\r\n"), ["xyz"]),
  raw("a negative chunk size", chunks("-1\r\n"), ["-1"]),
  raw("a chunk size that overflows", chunks(`${"f".repeat(20)}\r\n`), ["fff"]),
  raw("a chunk longer than its size", chunks("1\r\nabc\r\n0\r\n\r\n"), ["chunk"]),
  raw(
    "a chunk with an endless extension",
    chunks(`1;${"x".repeat(20_000)}\r\na\r\n0\r\n\r\n`),
    ["chunk"],
    413,
  ),
  raw("a trailer without a colon", chunks("0\r\nno colon here\r\n\r\n"), ["no colon here"]),
  ...[
    [PUBLISH, MAX_BODY_BYTES + 1],
    ["POST /v2/queues", MAX_BODY_BYTES + 1],
    ["POST /v2/batch", 100_000_001],
  ].map(([target, size]) =>
    refused(
      `06 §4 ${target} over the limit by its length`,
      String(target),
      ["body", String(size)],
      {
        headers: [`Content-Length: ${size}`],
        status: 413,
      },
    ),
  ),
];

const strangers: readonly Malformed[] = [
  ...[
    "",
    "Bearer",
    "Bearer ",
    "Basic dXNlcjpwYXNz",
    "{token}",
    "Bearer {token} x",
    "Bearer {token},",
    "Token {token}",
    "Bearer nobody",
  ].map((value) =>
    refused(`00 §2 Authorization: "${value}"`, PUBLISH, ["Authorization"], {
      headers: [`Authorization: ${value}`],
      status: 401,
    }),
  ),
  ...["", "nobody", "%00", "%zz", "{token}x"].map((value) =>
    refused(`00 §2 qstash_token=${value}`, `${PUBLISH}?qstash_token=${value}`, ["qstash_token"], {
      headers: ["Authorization:"],
      status: 401,
    }),
  ),
  refused(
    "00 §2 two tokens in the query",
    `${PUBLISH}?qstash_token={token}&qstash_token=other`,
    ["qstash_token"],
    {
      headers: ["Authorization:"],
    },
  ),
];

/** What the parser of HTTP refuses, or would let pass if nobody looked. */
export const MALFORMED_HTTP: readonly Malformed[] = [
  ...requestLines,
  ...headerLines,
  ...framing,
  ...strangers,
];
