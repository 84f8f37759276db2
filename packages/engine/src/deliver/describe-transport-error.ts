import type { FailureCode } from "@omnistore/domain/record/attempt-result";

interface Described {
  readonly code: FailureCode;
  readonly error: string;
}

const TLS =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERROR_IN_CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|EPROTO)/;

/** How the two resolvers say that a name has no address, or that nobody told. */
const DNS: ReadonlySet<string> = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "ENODATA",
  "ESERVFAIL",
  "EREFUSED",
  "EFORMERR",
  "EBADNAME",
  "EBADRESP",
  "ETIMEOUT",
  "ENOTIMP",
]);

/** How the client says, besides by the parser, that an answer is not what HTTP allows. */
const MALFORMED: ReadonlySet<string> = new Set([
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
]);

/** What the codes of common mistakes mean to whoever runs the receiver. */
const TLS_WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the certificate has expired",
  CERT_NOT_YET_VALID: "the certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "the certificate was issued by somebody who is not trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the certificate was issued by somebody who is not trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the certificate was issued by somebody who is not trusted, or an intermediate one is missing",
  ERR_SSL_WRONG_VERSION_NUMBER: "the receiver does not speak TLS at this port",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "the receiver does not speak TLS at this port",
};

/** Puts a transport error into a stable code and words that a user of the log understands. */
export function describeTransportError(error: unknown): Described {
  const cause = rootCause(error);
  const code = "code" in cause ? String(cause.code) : "";
  if (code === "REFUSED_ADDRESS") return { code: "refused-address", error: cause.message };
  if (DNS.has(code)) return { code: "dns", error: `unable to resolve host: ${cause.message}` };
  if (TLS.test(code)) {
    return { code: "tls", error: `TLS failed: ${TLS_WORDS[code] ?? cause.message}` };
  }
  if (code === "EGRESS_PROXY") return { code: "connect", error: cause.message };
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    return { code: "connect", error: "the connection could not be made in time" };
  }
  if (code === "ECONNRESET" || code === "EPIPE" || code === "UND_ERR_SOCKET") {
    return { code: "reset", error: "the connection was closed before the answer was complete" };
  }
  if (cause.name === "HTTPParserError" || MALFORMED.has(code)) {
    return { code: "protocol", error: `the answer is not valid HTTP: ${cause.message}` };
  }
  if (code.startsWith("UND_ERR_INVALID") || code === "UND_ERR_NOT_SUPPORTED") {
    return { code: "protocol", error: `the request cannot be sent: ${cause.message}` };
  }
  return { code: "connect", error: `the connection failed: ${cause.message || code}` };
}

/** Happy eyeballs wraps the errors of all addresses in one that says nothing itself. */
function rootCause(error: unknown): Error {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0];
  return error instanceof Error ? error : new Error(String(error));
}
