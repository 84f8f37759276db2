import { UnavailableError } from "@omnistore/domain/unavailable";

import { reply } from "./reply.ts";

/** Statuses that tell a caller its request cannot be served as it is. Contract 00 §3, 06 §4. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 412 | 413 | 429;

/** A request that is refused. The message is shown to the caller: it names the field and its value. */
export class InvalidRequest extends Error {
  readonly status: RefusalStatus;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: RefusalStatus,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = "InvalidRequest";
    this.status = status;
    this.headers = headers;
  }
}

/**
 * The answer to a request whose handling threw. Whatever is not the caller's doing is a bare 500,
 * and its cause goes to `onError` instead of the caller. Contract 00 §3.
 */
export function errorReply(error: unknown, onError: (error: unknown) => void): Response {
  if (error instanceof InvalidRequest) {
    return reply(error.status, { error: error.message }, error.headers);
  }
  if (error instanceof UnavailableError) {
    onError(error);
    return reply(503, { error: error.message }, { "retry-after": "1" });
  }
  onError(error);
  return reply(500, { error: "internal error" });
}
