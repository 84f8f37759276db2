import type { DeadLetter } from "@omnistore/domain/history/dead-letter";
import { encodeDeadLetterId } from "../ids.ts";
import { bodyText } from "./body-text.ts";
import { messageView } from "./message-view.ts";

/**
 * One entry of the dead letter queue: the message and the last answer. A status is always there,
 * 0 when nobody answered; `error` then says why. Contract 03 §5.
 */
export function deadLetterView({ id, message, response, error }: DeadLetter) {
  const body = response === undefined ? undefined : bodyText(response.body);
  return {
    ...messageView(message),
    dlqId: encodeDeadLetterId(id),
    responseStatus: response?.status ?? 0,
    responseHeader: response?.headers,
    responseBody: body?.kind === "text" ? body.text : undefined,
    responseBodyBase64: body?.kind === "base64" ? body.text : undefined,
    error,
  };
}
