import { parseDuration } from "@omnistore/domain/message/duration";
import { MAX_DELAY_MS } from "@omnistore/domain/message/limits";
import type { Due } from "@omnistore/domain/publish/publish-command";
import { refusal } from "./refusal.ts";

const UNIX_SECONDS = /^\d+(?:\.\d+)?$/;
const LONGEST = `later than the ${MAX_DELAY_MS / 86_400_000} days that a message may wait`;

/**
 * `Upstash-Not-Before` and `Upstash-Delay`: when the first attempt may start. Both must be valid;
 * not-before wins. `nowMs` (Unix milliseconds, by the database) only tells past from future and too far: the due
 * time of a delay is worked out where the message is stored. Contract 01 §3, 06 §4.
 */
export function decodeDue(
  notBefore: string | undefined,
  delay: string | undefined,
  nowMs: number,
): Due {
  const after = delay === undefined ? undefined : decodeDelay(delay);
  if (notBefore !== undefined) return decodeNotBefore(notBefore, nowMs);
  return after ?? { kind: "now" };
}

function decodeDelay(value: string): Due {
  const delayMs = parseDuration(value);
  if (delayMs === null) {
    throw refusal(
      "Upstash-Delay",
      value,
      "is not a duration such as 50s, 1d10h30m or 30 (seconds)",
    );
  }
  if (delayMs > MAX_DELAY_MS) throw refusal("Upstash-Delay", value, `is ${LONGEST}`, 412);
  return delayMs === 0 ? { kind: "now" } : { kind: "after", delayMs };
}

function decodeNotBefore(value: string, nowMs: number): Due {
  if (!UNIX_SECONDS.test(value)) {
    throw refusal("Upstash-Not-Before", value, "is not a time in Unix seconds");
  }
  const unixMs = Math.round(Number(value) * 1000);
  if (unixMs - nowMs > MAX_DELAY_MS) {
    throw refusal("Upstash-Not-Before", value, `is ${LONGEST}`, 412);
  }
  return unixMs <= nowMs ? { kind: "now" } : { kind: "at", unixMs };
}
