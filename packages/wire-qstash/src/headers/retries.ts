import { parseRetryDelayExpression } from "@omnistore/domain/retry/retry-delay-expression";
import type { Plan } from "@omnistore/domain/tenant/plans";
import { overLimit } from "./over-limit.ts";
import { refusal } from "./refusal.ts";

/** `Upstash-Retries`: attempts after the first. 412 above the plan's limit. Contract 01 §3, 06 §4. */
export function decodeRetries(value: string | undefined, plan: Plan): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw refusal("Upstash-Retries", value, "is not a whole number from 0");
  const retries = Number(value);
  if (retries <= plan.limits.retries) return retries;
  throw overLimit("Upstash-Retries", value, plan, "retries");
}

/** `Upstash-Retry-Delay`: checked here, kept as the text that was given. Contract 01 §4. */
export function decodeRetryDelay(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const parsed = parseRetryDelayExpression(value);
  if (parsed.kind === "expression") return value;
  throw refusal("Upstash-Retry-Delay", value, `is not an expression: ${parsed.reason}`);
}
