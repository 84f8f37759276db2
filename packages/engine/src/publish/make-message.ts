import { keepDays } from "@omnistore/domain/message/expiry";
import { MAX_TIMEOUT_MS } from "@omnistore/domain/message/limits";
import type { Message } from "@omnistore/domain/message/message";
import { makeMessageId } from "@omnistore/domain/message/message-id";
import type { Due, PublishCommand } from "@omnistore/domain/publish/publish-command";

import { freshRandom } from "../fresh-random.ts";

/** The message of a command that is accepted at `nowMs`; its id says how long it has to be kept. */
export function makeMessage(command: PublishCommand, nowMs: number): Message {
  const unixMs = Math.floor(nowMs);
  const days = keepDays({
    nowMs: unixMs,
    firstAttemptMs: firstAttemptMs(command.due, unixMs),
    maxRetries: command.maxRetries,
    timeoutMs: command.options.timeoutMs ?? MAX_TIMEOUT_MS,
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
