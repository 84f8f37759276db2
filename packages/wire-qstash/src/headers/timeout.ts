import { parseDuration } from "@omnistore/domain/message/duration";
import type { Plan } from "@omnistore/domain/tenant/plans";
import { overLimit } from "./over-limit.ts";
import { refusal } from "./refusal.ts";

/** `Upstash-Timeout`: the budget of one attempt in milliseconds. 412 above the plan's limit. Contract 01 §3, 06 §4. */
export function decodeTimeout(value: string | undefined, plan: Plan): number | undefined {
  if (value === undefined) return undefined;
  const timeoutMs = parseDuration(value);
  if (timeoutMs === null || timeoutMs === 0) {
    throw refusal(
      "Upstash-Timeout",
      value,
      "is not a duration above zero such as 30s or 30 (seconds)",
    );
  }
  if (timeoutMs <= plan.limits.timeoutMs) return timeoutMs;
  throw overLimit("Upstash-Timeout", value, plan, "timeoutMs");
}
