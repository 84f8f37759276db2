import type { PendingMessage } from "@omnistore/domain/message/message";
import { encodeMessageId } from "../ids.ts";
import { bodyText } from "./body-text.ts";
import { commonFields, unlessEmpty } from "./common-fields.ts";
import { redact } from "./redact.ts";

/** A message as `GET /v2/messages/{id}` shows it. Contract 03 §1. */
export function messageView(message: PendingMessage) {
  const shown = redact(message);
  const body = bodyText(shown.body);
  return {
    messageId: encodeMessageId(message.id),
    url: message.destination,
    method: message.method,
    maxRetries: message.maxRetries,
    notBefore: message.notBefore,
    createdAt: message.createdAt,
    header: unlessEmpty(shown.headers),
    callbackHeader: unlessEmpty(shown.callbackHeaders),
    failureCallbackHeader: unlessEmpty(shown.failureCallbackHeaders),
    body: body?.kind === "text" ? body.text : undefined,
    bodyBase64: body?.kind === "base64" ? body.text : undefined,
    retryDelayExpression: message.options.retryDelay,
    ...commonFields(message),
  };
}
