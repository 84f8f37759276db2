import type { FailureCode } from "@omnistore/domain/record/attempt-result";

import {
  CONNECTION_WORDS,
  DNS_WORDS,
  HTTP_WORDS,
  inWords,
  PARSER_WORDS,
  TLS_WORDS,
} from "./transport-words.ts";

interface Described {
  readonly code: FailureCode;
  readonly error: string;
}

const TLS =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERROR_IN_CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|EPROTO)/;

/**
 * Puts a transport error into a stable code and words that a user of the log understands; what the
 * libraries below say of it is for their own developers, and is not shown.
 */
export function describeTransportError(error: unknown): Described {
  const cause = rootCause(error);
  const code = "code" in cause ? String(cause.code) : "";
  if (code === "REFUSED_ADDRESS") return { code: "refused-address", error: cause.message };
  if (Object.hasOwn(DNS_WORDS, code)) {
    const told = named("hostname" in cause && cause.hostname, inWords(DNS_WORDS, code));
    return { code: "dns", error: `unable to resolve host: ${told}` };
  }
  if (TLS.test(code)) {
    const told = named("host" in cause && cause.host, inWords(TLS_WORDS, code));
    return { code: "tls", error: `TLS failed: ${told}` };
  }
  if (code === "EGRESS_PROXY") return { code: "connect", error: cause.message };
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    return { code: "connect", error: "the connection could not be made in time" };
  }
  if (code === "UND_ERR_SOCKET" && cause.message === UNASKED_CONTINUE) {
    return {
      code: "protocol",
      error: "the receiver answered 100 Continue, which was not asked for",
    };
  }
  if (code === "ECONNRESET" || code === "EPIPE" || code === "UND_ERR_SOCKET") {
    return { code: "reset", error: "the connection was closed before the answer was complete" };
  }
  const violation = violationOf(cause, code);
  if (violation !== null) {
    return { code: "protocol", error: `the answer is not valid HTTP: ${violation}` };
  }
  if (code.startsWith("UND_ERR_INVALID") || code === "UND_ERR_NOT_SUPPORTED") {
    return { code: "protocol", error: `the request cannot be sent: error ${code}` };
  }
  return { code: "connect", error: `the connection failed: ${inWords(CONNECTION_WORDS, code)}` };
}

const PARSER_REASON = /^Response does not match the HTTP\/1\.1 protocol \(([\w ,/-]{1,80})\)$/;

/** What is wrong with an answer, in words; null when the error is of another kind. */
function violationOf({ name, message }: Error, code: string): string | null {
  if (Object.hasOwn(HTTP_WORDS, code)) return inWords(HTTP_WORDS, code);
  // The client trusts the parser, which lets such a status pass.
  if (code === "ERR_ASSERTION" && message.includes("statusCode >= 100")) {
    return "its status is below 100";
  }
  if (name !== "HTTPParserError") return null;
  const [, reason = ""] = PARSER_REASON.exec(message) ?? [];
  return PARSER_WORDS[reason] ?? `the parser says ${JSON.stringify(reason)}`;
}

/** The client hangs up on it instead of waiting for the answer that follows, and says no more. */
const UNASKED_CONTINUE = "bad response";

function named(host: unknown, words: string): string {
  return typeof host === "string" ? `${host}: ${words}` : words;
}

/** Happy eyeballs wraps the errors of all addresses in one that says nothing itself. */
function rootCause(error: unknown): Error {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0];
  return error instanceof Error ? error : new Error(String(error));
}
