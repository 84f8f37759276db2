import { MAX_FAN_OUT_BYTES } from "@omnistore/domain/message/limits";
import type { PublishCommand } from "@omnistore/domain/publish/publish-command";
import { definedOnly } from "../defined-only.ts";
import { InvalidRequest } from "../errors.ts";
import type { PublishSettings } from "../headers/publish-settings.ts";
import type { Receivers } from "./receivers.ts";

/** The commands of one publish: one, or one for each endpoint of a topic in order. Contract 01 §2. */
export function publishCommands(
  receivers: Receivers,
  message: PublishSettings & Pick<PublishCommand, "tenantId" | "body">,
): readonly PublishCommand[] {
  if (receivers.kind === "url") {
    return [{ ...message, wire: "qstash", destination: receivers.url }];
  }
  const { name: topicName, endpoints } = receivers.topic;
  const size = message.body.length * endpoints.length;
  if (size > MAX_FAN_OUT_BYTES) {
    const times = `${message.body.length} bytes for each of ${endpoints.length} endpoints`;
    const limit = `the limit is ${MAX_FAN_OUT_BYTES} bytes in all`;
    throw new InvalidRequest(413, `the body is too large: ${times}, ${limit}`);
  }
  return endpoints.map(({ url, name: endpointName }) => ({
    ...message,
    wire: "qstash",
    destination: url,
    options: definedOnly({ ...message.options, topicName, endpointName }),
  }));
}
