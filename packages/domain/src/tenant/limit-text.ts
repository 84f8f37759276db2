import { durationText } from "../message/duration.ts";
import type { SpentName } from "./budget.ts";
import { PLANS, UNBOUNDED, type Plan, type PlanLimits } from "./plans.ts";

/**
 * A limit in words: what it bounds and its value, who set it, and who can raise it.
 * For example: `the limit of 5 retries for a message, which plan "free" sets; the operator can raise it`.
 */
export function limitText(plan: Plan, limit: keyof PlanLimits): string {
  const amount = AMOUNTS[limit](valueText(limit, plan.limits[limit]) ?? "any number of");
  return `the limit of ${amount}, ${limitOrigin(plan, limit)}`;
}

/** Who set a limit, and who can raise it, to follow its value. */
export function limitOrigin({ name, limits }: Plan, limit: keyof PlanLimits): string {
  const [value, ofPlan] = [limits[limit], PLANS[name][limit]];
  const origin =
    value === ofPlan
      ? `which plan "${name}" sets`
      : `which is set for this tenant instead of ${valueText(limit, ofPlan) ?? "no limit"} of plan "${name}"`;
  return `${origin}; ${value === UNBOUNDED[limit] ? "no plan has more" : "the operator can raise it"}`;
}

/** A limit's value, times as a publisher writes them. */
function valueText(limit: keyof PlanLimits, value: number | null | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  return limit === "delayMs" || limit === "timeoutMs" ? durationText(value) : String(value);
}

const AMOUNTS: Readonly<Record<keyof PlanLimits, (value: string) => string>> = {
  messageBytes: (bytes) => `${bytes} bytes for a message`,
  messagesPerDay: (count) => `${count} messages a day`,
  bandwidthBytesPerMonth: (bytes) => `${bytes} bytes of bandwidth a month`,
  requestsPerSecond: (count) => `${count} requests a second`,
  delayMs: (duration) => `${duration} of delay`,
  timeoutMs: (duration) => `${duration} for an attempt`,
  retries: (count) => `${count} retries for a message`,
  schedules: (count) => `${count} schedules`,
  topics: (count) => `${count} topics`,
  endpointsPerTopic: (count) => `${count} endpoints for a topic`,
  queues: (count) => `${count} queues`,
  parallelismPerQueue: (count) => `${count} messages of a queue at one time`,
  globalParallelism: (count) => `${count} messages under way at one time`,
  batchItems: (count) => `${count} messages for a batch`,
  logRetentionDays: (days) => `${days} days of logs`,
  deadLetterRetentionDays: (days) => `${days} days of dead letters`,
};

const SPENT = {
  day: ["messages today (UTC)", "messagesPerDay"],
  second: ["requests in this second", "requestsPerSecond"],
  month: ["bandwidth this month (UTC)", "bandwidthBytesPerMonth"],
} as const satisfies Record<SpentName, readonly [string, keyof PlanLimits]>;

/** That a budget of a window is used up, in words. */
export function spentText(plan: Plan, budget: SpentName): string {
  const [what, limit] = SPENT[budget];
  return `no more ${what}: reached is ${limitText(plan, limit)}`;
}
