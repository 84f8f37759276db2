import { MESSAGE_FILTERS, type MessageFilter } from "@omnistore/domain/message/message-filter";

import type { SqlParameters } from "./sql-parameters.ts";

/** What each filter asks of the message `m`; `list` holds its values. */
const CONDITIONS: Record<(typeof MESSAGE_FILTERS)[number], (list: string) => string> = {
  urls: (list) => `m.destination = ANY (${list})`,
  hosts: (list) =>
    `lower(substring(m.destination FROM '^[^:]+://(?:[^/?#]*@)?([^/?#]*)')) = ANY (${list})`,
  paths: (list) =>
    `coalesce(nullif(substring(m.destination FROM '^[^:]+://[^/?#]*([^?#]*)'), ''), '/') = ANY (${list})`,
  labels: (list) => `m.options -> 'labels' ?| ${list}`,
  callerIps: (list) => `m.options ->> 'callerIp' = ANY (${list})`,
  topicNames: (list) => `m.options ->> 'topicName' = ANY (${list})`,
  scheduleIds: (list) => `m.options ->> 'scheduleId' = ANY (${list})`,
  queueNames: (list) => `m.options ->> 'queueName' = ANY (${list})`,
  flowControlKeys: (list) => `m.options -> 'flowControl' ->> 'key' = ANY (${list})`,
};

/**
 * The conditions that a filter puts on the message `m`, none when it is empty: a statement holds only
 * what was asked for, so that one without a filter need not look at messages at all.
 */
export function messageConditions(filter: MessageFilter, parameters: SqlParameters): string[] {
  return MESSAGE_FILTERS.flatMap((name) => {
    const values = filter[name];
    return values === undefined ? [] : [CONDITIONS[name](parameters.add(values, "text[]"))];
  });
}
