import { parseDuration } from "@omnistore/domain/message/duration";
import { MAX_TIMEOUT_MS } from "@omnistore/domain/message/limits";
import { refusal } from "./refusal.ts";

/** `Upstash-Timeout`: the budget of one attempt in milliseconds. 412 above the limit. Contract 01 §3, 06 §4. */
export function decodeTimeout(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const timeoutMs = parseDuration(value);
  if (timeoutMs === null || timeoutMs === 0) {
    throw refusal(
      "Upstash-Timeout",
      value,
      "is not a duration above zero such as 30s or 30 (seconds)",
    );
  }
  if (timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs;
  const limit = `${MAX_TIMEOUT_MS / 1000} seconds`;
  throw refusal("Upstash-Timeout", value, `is more than the limit of ${limit}`, 412);
}
