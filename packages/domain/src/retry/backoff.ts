import { MAX_RETRY_DELAY_MS } from "../message/limits.ts";
import type { RetryDelayExpression } from "./retry-delay-expression.ts";

/**
 * Milliseconds before the given retry (1 is the first) when nobody asks for anything else:
 * min(86400, e^(2.5·retry)) in whole seconds. Contract 02 §3.
 */
export function defaultBackoffMs(retry: number): number {
  return Math.min(MAX_RETRY_DELAY_MS, Math.round(Math.exp(2.5 * retry)) * 1000);
}

/**
 * Milliseconds that a publisher's expression asks for, held between none and one day. A result
 * that is infinite or not a number gives the default backoff. `retried` is 0 before the first
 * retry. Contract 01 §4, 07 Q9.
 */
export function expressionBackoffMs(expression: RetryDelayExpression, retried: number): number {
  const askedMs = expression.evaluate(retried);
  if (!Number.isFinite(askedMs)) return defaultBackoffMs(retried + 1);
  return Math.round(Math.min(MAX_RETRY_DELAY_MS, Math.max(0, askedMs)));
}
