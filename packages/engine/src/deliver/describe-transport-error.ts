import type { FailureCode } from "@omnistore/domain/record/attempt-result";

interface Described {
  readonly code: FailureCode;
  readonly error: string;
}

const TLS =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO)/;

/** Puts a transport error into a stable code and words that a user of the log understands. */
export function describeTransportError(error: unknown): Described {
  const cause = rootCause(error);
  const code = "code" in cause ? String(cause.code) : "";
  if (code === "REFUSED_ADDRESS") return { code: "refused-address", error: cause.message };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "EAI_FAIL" || code === "ENODATA") {
    return { code: "dns", error: `unable to resolve host: ${cause.message}` };
  }
  if (TLS.test(code)) return { code: "tls", error: `TLS failed: ${cause.message}` };
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    return { code: "connect", error: "the connection could not be made in time" };
  }
  if (code === "ECONNRESET" || code === "EPIPE" || code === "UND_ERR_SOCKET") {
    return { code: "reset", error: "the connection was closed before the answer was complete" };
  }
  if (code.startsWith("HPE_") || code === "UND_ERR_HEADERS_OVERFLOW") {
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
