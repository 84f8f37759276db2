import { describe, expect, test } from "vitest";

import { describeTransportError } from "./describe-transport-error.ts";

/** What libraries say of their own works, which nobody outside can read. */
const INTERNAL =
  "40E7:error:0A000410:SSL routines:ssl3_read_bytes:../deps/openssl/rec_layer_s3.c:1605";

function failing(code: string | undefined, more: object = {}): Error {
  return Object.assign(new Error(INTERNAL), { code }, more);
}

function ofParser(reason: string): string {
  const message = `Response does not match the HTTP/1.1 protocol (${reason})`;
  const more = { name: "HTTPParserError", message };
  return describeTransportError(failing(undefined, more)).error;
}

describe("a transport error is told in words, never by its internal text", () => {
  test.each([
    [
      "ECONNREFUSED",
      "connect",
      "the connection failed: nobody listens at this port (ECONNREFUSED)",
    ],
    ["EWHATEVER", "connect", "the connection failed: error EWHATEVER"],
    ["", "connect", "the connection failed: error without a code"],
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", "tls", "no version or cipher of TLS that we do"],
    ["ERR_SSL_SOMETHING_NEW", "tls", "TLS failed: error ERR_SSL_SOMETHING_NEW"],
    ["EPROTO", "tls", "TLS failed: error EPROTO"],
    ["ENOTFOUND", "dns", "unable to resolve host: it has no address (ENOTFOUND)"],
    ["UND_ERR_HEADERS_OVERFLOW", "protocol", "its headers are too long"],
    ["UND_ERR_INVALID_ARG", "protocol", "the request cannot be sent: error UND_ERR_INVALID_ARG"],
    ["UND_ERR_SOCKET", "reset", "closed before the answer was complete"],
  ])("%s is %s", (code, kind, words) => {
    const told = describeTransportError(failing(code));
    expect(told.code).toBe(kind);
    expect(told.error).toContain(words);
    expect(told.error).not.toContain("openssl");
  });

  test("of a parser, known and unknown", () => {
    expect(ofParser("Invalid status code")).toBe(
      "the answer is not valid HTTP: its status is not a number of three digits",
    );
    expect(ofParser("New reason")).toBe(
      'the answer is not valid HTTP: the parser says "New reason"',
    );
  });

  test("of a name, with the name; of several addresses, by the first", () => {
    const dns = failing("ESERVFAIL", { hostname: "receiver.test" });
    expect(describeTransportError(new AggregateError([dns, failing("ECONNREFUSED")]))).toEqual({
      code: "dns",
      error: "unable to resolve host: receiver.test: its name servers fail (ESERVFAIL)",
    });
  });
});
