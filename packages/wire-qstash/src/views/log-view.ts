import type { LogEvent } from "@omnistore/domain/history/log-event";
import { encodeMessageId } from "../ids.ts";
import { commonFields, unlessEmpty } from "./common-fields.ts";
import { redact } from "./redact.ts";

/**
 * One entry of the log. Bodies are always base64; names that clients spell in two ways are there
 * in both. Contract 03 §8, 07 Q4, Q6, Q41.
 */
export function logView({ time, state, message, nextDeliveryTime, error, response }: LogEvent) {
  const shown = redact(message);
  const { retryDelay, timeoutMs } = message.options;
  return {
    time,
    state,
    messageId: encodeMessageId(message.id),
    url: message.destination,
    method: message.method,
    header: unlessEmpty(shown.headers),
    callbackHeaders: unlessEmpty(shown.callbackHeaders),
    failureCallbackHeaders: unlessEmpty(shown.failureCallbackHeaders),
    body: base64(shown.body),
    maxRetries: message.maxRetries,
    timeout: timeoutMs,
    retryDelayExpression: retryDelay,
    retryDelayExpr: retryDelay,
    nextDeliveryTime,
    error,
    responseStatus: response?.status,
    responseHeaders: response?.headers,
    responseHeader: response?.headers,
    responseBody: response === undefined ? undefined : base64(response.body),
    ...commonFields(message),
  };
}

function base64(body: Buffer): string | undefined {
  return body.length === 0 ? undefined : body.toString("base64");
}
