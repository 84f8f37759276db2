import type { HeaderMap, Message } from "@omnistore/domain/message/message";

/**
 * The fields that every view of a message has under the same names. An undefined field is left out
 * of the JSON. Both spellings of the caller's address are read by clients. Contract 03 §1, 07 Q4.
 */
export function commonFields({ options }: Pick<Message, "options">) {
  const { callback, failureCallback, callerIp, labels, flowControl } = options;
  const { endpointName, queueName, scheduleId, topicName } = options;
  return {
    topicName,
    endpointName,
    queueName,
    scheduleId,
    callerIP: callerIp,
    callerIp,
    label: labels?.[0],
    labels,
    callback: callback?.url,
    failureCallback: failureCallback?.url,
    flowControlKey: flowControl?.key,
    parallelism: flowControl?.parallelism,
    rate: flowControl?.rate,
    period: flowControl?.periodSeconds,
  };
}

/** A header map, or nothing when it is empty. Contract 00 §7. */
export function unlessEmpty(headers: HeaderMap): HeaderMap | undefined {
  return Object.keys(headers).length === 0 ? undefined : headers;
}
