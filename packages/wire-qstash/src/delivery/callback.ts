import type { CallbackSource } from "@omnistore/domain/delivery-wire";
import { MAX_CALLBACK_BYTES } from "@omnistore/domain/message/limits";
import { encodeDeadLetterId, encodeMessageId } from "../ids.ts";

/**
 * The body of a callback. The receiver's answer is cut to what its plan allows, and where both do not
 * fit a callback, the source's body to what is left; without an answer the status is 0 and the body
 * says what went wrong. Contract 02 §5, 07 Q10, Q24.
 */
export function callbackBody(source: CallbackSource): Buffer {
  const { message, retried, result, answerBytes, deadLetterId } = source;
  const { options } = message;
  const answer =
    result.kind === "response"
      ? result
      : { status: 0, headers: {}, body: Buffer.from(result.error) };
  const payload = (body: string, sourceBody: string) =>
    Buffer.from(
      JSON.stringify({
        status: answer.status,
        header: answer.headers,
        body,
        retried,
        maxRetries: message.maxRetries,
        dlqId: deadLetterId === undefined ? undefined : encodeDeadLetterId(deadLetterId),
        sourceMessageId: encodeMessageId(message.id),
        topicName: options.topicName,
        endpointName: options.endpointName,
        url: message.destination,
        method: message.method,
        sourceHeader: message.headers,
        sourceBody,
        notBefore: message.notBefore,
        createdAt: message.createdAt,
        scheduleId: options.scheduleId,
        callerIP: options.callerIp,
      }),
    );
  const room = MAX_CALLBACK_BYTES - payload("", "").length;
  const body = base64Within(room, answer.body.subarray(0, answerBytes));
  return payload(body, base64Within(room - body.length, message.body));
}

/** As much of a body as base64 puts into so many characters. */
function base64Within(characters: number, body: Buffer): string {
  return body.subarray(0, Math.max(0, Math.floor(characters / 4) * 3)).toString("base64");
}
