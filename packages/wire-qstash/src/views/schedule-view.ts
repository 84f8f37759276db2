import type { FireState, Schedule } from "@omnistore/domain/schedule/schedule";
import { encodeMessageId } from "../ids.ts";
import { bodyText } from "./body-text.ts";
import { commonFields, unlessEmpty } from "./common-fields.ts";
import { redact } from "./redact.ts";

const STATES = {
  "in-progress": "IN_PROGRESS",
  success: "SUCCESS",
  fail: "FAIL",
} as const satisfies Record<FireState, string>;

/** A schedule as `GET /v2/schedules/{id}` shows it; an undefined field is left out. Contract 03 §3. */
export function scheduleView(schedule: Schedule) {
  const { template } = schedule;
  const { delayMs, options } = template;
  const shown = redact(template);
  const body = bodyText(shown.body);
  const lastFired = Object.entries(schedule.lastFired);
  return {
    ...commonFields(template),
    scheduleId: schedule.id,
    cron: schedule.cron,
    destination: template.destination,
    createdAt: schedule.createdAt,
    method: template.method,
    isPaused: schedule.isPaused,
    retries: template.maxRetries,
    header: unlessEmpty(shown.headers),
    callbackHeader: unlessEmpty(shown.callbackHeaders),
    failureCallbackHeader: unlessEmpty(shown.failureCallbackHeaders),
    body: body?.kind === "text" ? body.text : undefined,
    bodyBase64: body?.kind === "base64" ? body.text : undefined,
    delay: delayMs === undefined ? undefined : Math.floor(delayMs / 1000),
    timeout: options.timeoutMs === undefined ? undefined : Math.floor(options.timeoutMs / 1000),
    retryDelayExpression: options.retryDelay,
    lastScheduleTime: schedule.lastRunAt,
    nextScheduleTime: schedule.nextRunAt,
    lastScheduleStates:
      lastFired.length === 0
        ? undefined
        : Object.fromEntries(lastFired.map(([id, state]) => [encodeMessageId(id), STATES[state]])),
    error: schedule.lastError,
  };
}
