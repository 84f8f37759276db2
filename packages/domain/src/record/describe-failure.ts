import type { AttemptResult } from "./attempt-result.ts";
import { isDelivered } from "./attempt-result.ts";

/** What went wrong with an attempt, in words for logs and dead letters; nothing when it delivered. */
export function describeFailure(result: AttemptResult): string | undefined {
  if (isDelivered(result)) return undefined;
  return result.kind === "failure" ? result.error : `destination answered ${result.status}`;
}
