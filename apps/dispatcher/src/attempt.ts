import { randomBytes } from "node:crypto";

import { hasCallbacks } from "@omnistore/domain/callback/plan-callbacks";
import type { DeliveryWire } from "@omnistore/domain/delivery-wire";
import { MAX_CALLBACK_BYTES, RESPONSE_CAPTURE_BYTES } from "@omnistore/domain/message/limits";
import type { PendingMessage, WireName } from "@omnistore/domain/message/message";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import type { AttemptResult } from "@omnistore/domain/record/attempt-result";
import { cutBody } from "@omnistore/domain/record/cut-body";
import { describeFailure } from "@omnistore/domain/record/describe-failure";
import { decideNext } from "@omnistore/domain/retry/next-attempt";
import type { EngineCore } from "@omnistore/engine/core";
import { deliver } from "@omnistore/engine/deliver/deliver";
import type { HttpClient } from "@omnistore/engine/deliver/http-client";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import type { Outcome } from "@omnistore/engine/record/write-outcomes.sql";

import { makeCallbacks } from "./make-callbacks.ts";
import { Start, type StartParts } from "./start.ts";

export interface AttemptParts extends StartParts {
  readonly core: EngineCore;
  readonly client: HttpClient;
  readonly wires: Readonly<Record<WireName, DeliveryWire>>;
  /** Resolves, maybe later, with whether an attempt may keep so many bytes of its answer. */
  readonly askRoom: (leased: LeasedDelivery, bytes: number) => Promise<boolean>;
}

/**
 * Makes one attempt: dress → deliver → decide. What it returns is still to be recorded; null when it
 * was too late to start, and nothing was sent.
 */
export async function makeAttempt(
  parts: AttemptParts,
  leased: LeasedDelivery,
  message: PendingMessage,
): Promise<Outcome | null> {
  const { clock, senders } = parts.core;
  const wire = parts.wires[message.wire];
  const { signingKeys, plan } = await senders.of(message.tenantId);
  const { messageBytes } = plan.limits;
  const start = new Start(parts, leased);
  if (!start.isInTime()) return null;
  const startedAtMs = clock.nowMs();
  const request = wire.dress(message, {
    retried: leased.retried,
    nowSeconds: Math.floor(startedAtMs / 1000),
    signingKeys,
  });
  const delivered = deliver(request, {
    client: parts.client,
    // Who asks for no time-out gets what the plan allows, and nobody more: it may be lowered. Contract 02 §2.
    timeoutMs: Math.min(message.options.timeoutMs ?? Infinity, plan.limits.timeoutMs),
    captureBytes: hasCallbacks(message.options)
      ? Math.min(Math.max(messageBytes, RESPONSE_CAPTURE_BYTES), MAX_CALLBACK_BYTES)
      : RESPONSE_CAPTURE_BYTES,
    askRoom: (bytes) => parts.askRoom(leased, bytes),
    mayStart: () => start.begin(),
  });
  const result = await delivered.finally(() => start.end());
  if (result.kind === "unsent") return null;
  const endedAtMs = clock.nowMs();
  const next = decideNext({
    retried: leased.retried,
    maxRetries: message.maxRetries,
    retryDelay: message.options.retryDelay,
    result,
    nonRetryable: result.kind === "response" && wire.isNonRetryable(result.status, result.headers),
    nowMs: endedAtMs,
  });
  const deadLetterId = next.kind === "dead" ? makeDeadLetterId(endedAtMs) : null;
  return {
    leased,
    outcome: next.kind,
    startedAtMs,
    endedAtMs,
    retryDelayMs: next.kind === "retry" ? next.delayMs : null,
    deadLetterId,
    sentBytes: request.body.length,
    ...whatWasAnswered(result),
    callbacks: makeCallbacks(
      wire,
      {
        message,
        retried: leased.retried,
        result,
        answerBytes: messageBytes,
        next: next.kind,
        deadLetterId,
      },
      { nowMs: endedAtMs, limits: plan.limits },
    ),
  };
}

/** The answer is kept when somebody may ask for it: of failures. */
function whatWasAnswered(result: AttemptResult) {
  const error = describeFailure(result);
  const failed = error !== undefined && result.kind === "response";
  return {
    status: result.kind === "response" ? result.status : null,
    responseHeaders: failed ? result.headers : null,
    responseBody: failed ? cutBody(result.body, RESPONSE_CAPTURE_BYTES) : null,
    error: error ?? null,
  };
}

function makeDeadLetterId(diedAtMs: number): string {
  return makeUuidV7({ unixMs: Math.floor(diedAtMs), random: randomBytes(10) });
}
