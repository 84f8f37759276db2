import { canonicalHeaderName } from "@omnistore/domain/message/header-names";
import type { HeaderMap } from "@omnistore/domain/message/message";

const NON_RETRYABLE_STATUS = 489;
const NON_RETRYABLE_HEADER = canonicalHeaderName("Upstash-NonRetryable-Error");

/**
 * True when the receiver forbids any further attempt: status 489 and the header together. Either
 * alone is an ordinary failure. `headers` has canonical names. Contract 02 §2, 07 Q11.
 */
export function isNonRetryable(status: number, headers: HeaderMap): boolean {
  if (status !== NON_RETRYABLE_STATUS) return false;
  return headers[NON_RETRYABLE_HEADER]?.some((value) => value.toLowerCase() === "true") ?? false;
}
