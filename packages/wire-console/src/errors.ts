import { UnavailableError } from "@omnistore/domain/unavailable";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** A request that is refused. The message is shown to the caller: it names the field and its value. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: ContentfulStatusCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ContentfulStatusCode,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Whatever is not the caller's doing is a bare 5xx, and its cause goes to `onError` instead of the caller. */
export function errorReply(
  error: unknown,
  context: Context,
  onError: (error: unknown) => void,
): Response {
  if (error instanceof ApiError) {
    return context.json({ error: error.message }, error.status, error.headers);
  }
  onError(error);
  if (error instanceof UnavailableError) {
    return context.json({ error: error.message }, 503, { "retry-after": "1" });
  }
  return context.json({ error: "internal error" }, 500);
}
