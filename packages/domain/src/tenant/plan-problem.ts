import type { Callback } from "../message/message.ts";
import type { Due, PublishCommand } from "../publish/publish-command.ts";
import type { SpentName } from "./budget.ts";
import type { Plan, PlanLimits } from "./plans.ts";

/** A limit in words, with the plan that sets it. */
export function limitText({ name, limits }: Plan, limit: keyof PlanLimits): string {
  return `limit ${limit} of plan "${name}", which is ${limits[limit] ?? "unlimited"}`;
}

const SPENT = {
  day: ["messages of today", "messagesPerDay"],
  second: ["requests of this second", "requestsPerSecond"],
  month: ["bytes of this month", "bandwidthBytesPerMonth"],
} as const satisfies Record<SpentName, readonly [string, keyof PlanLimits]>;

/** That a budget of a window is used up, in words. */
export function spentText(plan: Plan, budget: SpentName): string {
  const [what, limit] = SPENT[budget];
  return `no more ${what}: ${limitText(plan, limit)}`;
}

type Asked = Pick<PublishCommand, "due" | "maxRetries"> & {
  readonly options: Pick<PublishCommand["options"], "timeoutMs" | "callback" | "failureCallback">;
};

/**
 * Why a plan does not allow what a publish asks for, callbacks included, in words; null when it
 * does. `nowMs` is Unix milliseconds. Contract 06 §4.
 */
export function planProblem(plan: Plan, asked: Asked, nowMs: number): string | null {
  const { due, maxRetries, options } = asked;
  const delayMs = due.kind === "after" ? due.delayMs : due.kind === "at" ? due.unixMs - nowMs : 0;
  const over = overLimit(plan, { delayMs, retries: maxRetries, timeoutMs: options.timeoutMs ?? 0 });
  if (over !== null) return over;
  for (const callback of [options.callback, options.failureCallback]) {
    if (callback === undefined) continue;
    const problem = planProblem(
      plan,
      {
        due: latestDue(callback),
        maxRetries: callback.maxRetries ?? 0,
        options: callback.options,
      },
      nowMs,
    );
    if (problem !== null) return `of a callback: ${problem}`;
  }
  return null;
}

function latestDue({ delayMs, notBeforeMs }: Callback): Due {
  if (notBeforeMs !== undefined) return { kind: "at", unixMs: notBeforeMs };
  return { kind: "after", delayMs: delayMs ?? 0 };
}

function overLimit(
  plan: Plan,
  asked: Readonly<Record<"delayMs" | "retries" | "timeoutMs", number>>,
): string | null {
  for (const name of ["delayMs", "retries", "timeoutMs"] as const) {
    if (asked[name] > plan.limits[name]) {
      return `${name} ${asked[name]} is more than ${limitText(plan, name)}`;
    }
  }
  return null;
}
