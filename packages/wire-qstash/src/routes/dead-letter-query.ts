import type { DeadLetterQuery } from "@omnistore/domain/history/dead-letter";
import { DEFAULT_PAGE, MAX_DEAD_LETTER_PAGE } from "@omnistore/domain/message/limits";
import { definedOnly } from "../defined-only.ts";
import { decodeDeadLetterId, decodeMessageId } from "../ids.ts";
import type { ListParameters } from "./list-parameters.ts";
import { bad } from "./list-parameters.ts";
import { decodeMessageFilter, MESSAGE_FILTER_PARAMETERS } from "./message-filters.ts";
import { knownIds } from "./pages.ts";

/** What a call that changes dead letters may say: which, or a page of those that pass filters. */
export const DEAD_LETTER_PARAMETERS = [
  "dlqIds",
  "messageId",
  "responseStatus",
  ...MESSAGE_FILTER_PARAMETERS.filter((name) => name !== "host" && name !== "path"),
  "fromDate",
  "toDate",
  "count",
  "cursor",
];

/** The filters of the dead letter queue, or null when no entry can match them. Contract 03 §5. */
export function decodeDeadLetterQuery(parameters: ListParameters): DeadLetterQuery | null {
  for (const name of ["host", "path"]) {
    const value = parameters.one(name);
    if (value !== undefined) throw bad(name, value, "is not a filter of the dead letter queue");
  }
  const source = parameters.one("source");
  if (source !== undefined && source !== "workflow") throw bad("source", source, "is not workflow");
  const messageId = parameters.one("messageId");
  const uuid = messageId === undefined ? undefined : decodeMessageId(messageId);
  const query = definedOnly({
    ...decodeMessageFilter(parameters),
    ids: knownIds(parameters.many(["dlqIds"]), decodeDeadLetterId),
    responseStatuses: parameters.many(["responseStatus"])?.map(decodeStatus),
    fromMs: parameters.time("fromDate"),
    toMs: parameters.time("toDate"),
    order: parameters.order(),
    count: parameters.count(DEFAULT_PAGE, MAX_DEAD_LETTER_PAGE),
    cursor: parameters.one("cursor"),
  });
  if (uuid === null || query.ids?.length === 0 || source !== undefined) return null;
  return uuid === undefined ? query : { ...query, messageId: uuid };
}

/** Any integer: one that no response has matches nothing. */
function decodeStatus(value: string): number {
  const status = Number(value);
  if (/^-?\d{1,9}$/.test(value)) return status;
  throw bad("responseStatus", value, "is not a whole number of at most 9 digits");
}
