import { keepDays } from "@omnistore/domain/message/expiry";
import type { Message } from "@omnistore/domain/message/message";
import { makeMessageId } from "@omnistore/domain/message/message-id";
import type { Due, PublishCommand } from "@omnistore/domain/publish/publish-command";
import type { PlanLimits } from "@omnistore/domain/tenant/plans";

import { freshRandom } from "../fresh-random.ts";

/** How long a plan has messages kept. */
export type KeepLimits = Pick<
  PlanLimits,
  "timeoutMs" | "logRetentionDays" | "deadLetterRetentionDays"
>;

/**
 * The message of a command that is accepted at `nowMs` under a plan; its id says how long it has to be
 * kept. A plan that is changed later holds for messages that are made then.
 */
export function makeMessage(command: PublishCommand, nowMs: number, limits: KeepLimits): Message {
  const unixMs = Math.floor(nowMs);
  const days = keepDays({
    nowMs: unixMs,
    firstAttemptMs: firstAttemptMs(command.due, unixMs),
    maxRetries: command.maxRetries,
    timeoutMs: command.options.timeoutMs ?? limits.timeoutMs,
    retentionDays: Math.max(limits.logRetentionDays, limits.deadLetterRetentionDays),
  });
  return {
    tenantId: command.tenantId,
    id: makeMessageId({ unixMs, keepDays: days, random: freshRandom(8) }),
    wire: command.wire,
    destination: command.destination,
    method: command.method,
    headers: command.headers,
    body: command.body,
    maxRetries: command.maxRetries,
    options: command.options,
  };
}

function firstAttemptMs(due: Due, nowMs: number): number {
  switch (due.kind) {
    case "now":
      return nowMs;
    case "after":
      return nowMs + due.delayMs;
    case "at":
      return Math.max(nowMs, due.unixMs);
  }
}
