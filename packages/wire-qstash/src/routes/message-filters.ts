import type { MessageFilter } from "@omnistore/domain/message/message-filter";
import { definedOnly } from "../defined-only.ts";
import type { ListParameters } from "./list-parameters.ts";
import { BEFORE_PATH, BEFORE_URL } from "./list-parameters.ts";

/** The parameters that say what a message must be, in every call that takes filters. */
export const MESSAGE_FILTER_PARAMETERS = [
  "url",
  "host",
  "path",
  "label",
  "callerIp",
  "callerIP",
  "topicName",
  "scheduleId",
  "queueName",
  "flowControlKey",
] as const;

/** Many values each, repeated or in one list. Contract 03 §1, §5, §8. */
export function decodeMessageFilter(parameters: ListParameters): MessageFilter {
  return definedOnly({
    urls: parameters.many(["url"], BEFORE_URL),
    hosts: parameters.many(["host"])?.map((host) => host.toLowerCase()),
    paths: parameters.many(["path"], BEFORE_PATH),
    labels: parameters.many(["label"]),
    callerIps: parameters.many(["callerIp", "callerIP"]),
    topicNames: parameters.many(["topicName"]),
    scheduleIds: parameters.many(["scheduleId"]),
    queueNames: parameters.many(["queueName"]),
    flowControlKeys: parameters.manyWithCommas("flowControlKey"),
  });
}
