import type { AttemptResult } from "../record/attempt-result.ts";
import { isDelivered } from "../record/attempt-result.ts";
import { defaultBackoffMs, expressionBackoffMs } from "./backoff.ts";
import { resetDelayMs } from "./reset-headers.ts";
import { parseRetryDelayExpression } from "./retry-delay-expression.ts";

/** Where a message goes after an attempt. `delayMs` counts from the end of that attempt. */
export type NextStep =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry"; readonly delayMs: number }
  | { readonly kind: "dead" };

/** An attempt that is over, and what its message has left. */
export interface FinishedAttempt {
  /** How many attempts were made before this one. */
  readonly retried: number;
  readonly maxRetries: number;
  /** Expression of the publisher, text as given. */
  readonly retryDelay?: string | undefined;
  readonly result: AttemptResult;
  /** The receiver forbade any further attempt. */
  readonly nonRetryable: boolean;
  readonly nowMs: number;
}

/** Decides what follows an attempt. Contract 02 §2 and §3. */
export function decideNext(attempt: FinishedAttempt): NextStep {
  if (isDelivered(attempt.result)) return { kind: "delivered" };
  if (attempt.nonRetryable || attempt.retried >= attempt.maxRetries) return { kind: "dead" };
  return { kind: "retry", delayMs: retryDelayMs(attempt) };
}

/** The receiver's wish first, then the publisher's, then the default. */
function retryDelayMs({ result, retryDelay, retried, nowMs }: FinishedAttempt): number {
  const resetMs = result.kind === "response" ? resetDelayMs(result.headers, nowMs) : null;
  if (resetMs !== null) return resetMs;
  const expression = retryDelay === undefined ? undefined : parseRetryDelayExpression(retryDelay);
  if (expression?.kind === "expression") return expressionBackoffMs(expression, retried);
  return defaultBackoffMs(retried + 1);
}
