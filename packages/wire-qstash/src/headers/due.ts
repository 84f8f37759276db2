import { parseDuration } from "@omnistore/domain/message/duration";
import type { Due } from "@omnistore/domain/publish/publish-command";
import type { Plan } from "@omnistore/domain/tenant/plans";
import { overLimit } from "./over-limit.ts";
import { refusal } from "./refusal.ts";

const UNIX_SECONDS = /^\d+(?:\.\d+)?$/;

/**
 * `Upstash-Not-Before` and `Upstash-Delay`: when the first attempt may start. Both must be valid;
 * not-before wins. `nowMs` (Unix milliseconds, by the database) only tells past from future and from later than the
 * plan allows, which is 412: the due
 * time of a delay is worked out where the message is stored. Contract 01 §3, 06 §4.
 */
export function decodeDue(
  notBefore: string | undefined,
  delay: string | undefined,
  { nowMs, plan }: { readonly nowMs: number; readonly plan: Plan },
): Due {
  const after = delay === undefined ? undefined : decodeDelay(delay, plan);
  if (notBefore !== undefined) return decodeNotBefore(notBefore, nowMs, plan);
  return after ?? { kind: "now" };
}

function decodeDelay(value: string, plan: Plan): Due {
  const delayMs = parseDuration(value);
  if (delayMs === null) {
    throw refusal(
      "Upstash-Delay",
      value,
      "is not a duration such as 50s, 1d10h30m or 30 (seconds)",
    );
  }
  if (delayMs > plan.limits.delayMs) throw overLimit("Upstash-Delay", value, plan, "delayMs");
  return delayMs === 0 ? { kind: "now" } : { kind: "after", delayMs };
}

function decodeNotBefore(value: string, nowMs: number, plan: Plan): Due {
  if (!UNIX_SECONDS.test(value)) {
    throw refusal("Upstash-Not-Before", value, "is not a time in Unix seconds");
  }
  const unixMs = Math.round(Number(value) * 1000);
  if (unixMs - nowMs > plan.limits.delayMs) {
    throw overLimit("Upstash-Not-Before", value, plan, "delayMs");
  }
  return unixMs <= nowMs ? { kind: "now" } : { kind: "at", unixMs };
}
