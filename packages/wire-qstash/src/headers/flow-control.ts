import type { FlowControl } from "@omnistore/domain/flow-control/flow-control";
import { parseDuration } from "@omnistore/domain/message/duration";
import { MAX_FLOW_CONTROL_PERIOD_SECONDS, MAX_NAME_BYTES } from "@omnistore/domain/message/limits";
import { definedOnly } from "../defined-only.ts";
import { unprintable } from "./field-text.ts";
import { isDotSegment } from "./name.ts";
import { refusal } from "./refusal.ts";

const KEY = "Upstash-Flow-Control-Key";
const VALUE = "Upstash-Flow-Control-Value";

const PAIR = /^([a-z]+)\s*=\s*(\S+)$/i;
/** As many as a Postgres integer holds. */
const MOST = 2 ** 31 - 1;

/**
 * `Upstash-Flow-Control-Key` and `Upstash-Flow-Control-Value`, which need each other. The value is
 * a list such as `parallelism=5, rate=10, period=1m`. Contract 01 §6, 07 Q16, Q47.
 */
export function decodeFlowControl(
  key: string | undefined,
  value: string | undefined,
): FlowControl | undefined {
  if (key === undefined) {
    if (value === undefined) return undefined;
    throw refusal(VALUE, value, "came without a key");
  }
  if (value === undefined) throw refusal(KEY, key, "came without a value");
  const problem = keyProblem(key);
  if (problem !== null) throw refusal(KEY, key, problem);
  return { key, ...decodeRules(value) };
}

/** Why a text cannot be a flow-control key, completing "the key …"; null when it can. */
export function keyProblem(key: string): string | null {
  if (key.trim() === "") return "is empty";
  if (Buffer.byteLength(key) > MAX_NAME_BYTES) return `is longer than ${MAX_NAME_BYTES} bytes`;
  if (isDotSegment(key)) return "cannot be addressed in a path";
  return unprintable(key);
}

function decodeRules(value: string): Omit<FlowControl, "key"> {
  let parallelism: number | undefined;
  let rate: number | undefined;
  let periodSeconds: number | undefined;
  for (const part of value.split(",")) {
    const [, name = "", text = ""] = PAIR.exec(part.trim()) ?? [];
    switch (name.toLowerCase()) {
      case "parallelism":
        parallelism = once(value, name, parallelism, decodeCount(value, name, text));
        break;
      case "rate":
        rate = once(value, name, rate, decodeCount(value, name, text));
        break;
      case "period":
        periodSeconds = once(value, name, periodSeconds, decodePeriod(value, text));
        break;
      default:
        throw refusal(VALUE, value, "is not a list of parallelism=, rate= and period=");
    }
  }
  if (parallelism === undefined && rate === undefined) {
    throw refusal(VALUE, value, "has neither parallelism nor rate");
  }
  return definedOnly({ parallelism, rate, periodSeconds: periodSeconds ?? 1 });
}

function decodeCount(value: string, name: string, text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MOST) return count;
  throw refusal(VALUE, value, `has a ${name} that is not a whole number from 1 to ${MOST}`);
}

function decodePeriod(value: string, text: string): number {
  const seconds = (parseDuration(text) ?? 0) / 1000;
  if (seconds >= 1 && seconds <= MAX_FLOW_CONTROL_PERIOD_SECONDS) return seconds;
  throw refusal(VALUE, value, "has a period that is not a duration from 1s to 7d");
}

function once(value: string, name: string, before: number | undefined, now: number): number {
  if (before === undefined) return now;
  throw refusal(VALUE, value, `has ${name} twice`);
}
