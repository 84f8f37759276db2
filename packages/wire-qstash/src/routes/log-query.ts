import type { LogQuery, LogState } from "@omnistore/domain/history/log-event";
import { LOG_STATES } from "@omnistore/domain/history/log-event";
import { DEFAULT_PAGE, MAX_LOG_PAGE } from "@omnistore/domain/message/limits";
import { definedOnly } from "../defined-only.ts";
import { decodeMessageId } from "../ids.ts";
import type { ListParameters } from "./list-parameters.ts";
import { bad } from "./list-parameters.ts";
import { decodeMessageFilter } from "./message-filters.ts";
import { knownIds } from "./pages.ts";

/** The filters of the log, or null when no entry can match them. Contract 03 §8. */
export function decodeLogQuery(parameters: ListParameters): LogQuery | null {
  const query = definedOnly({
    ...decodeMessageFilter(parameters),
    messageIds: knownIds(parameters.many(["messageId", "messageIds"]), decodeMessageId),
    states: parameters.many(["state"])?.flatMap(decodeState),
    fromMs: parameters.time("fromDate"),
    toMs: parameters.time("toDate"),
    order: parameters.order(),
    count: parameters.count(DEFAULT_PAGE, MAX_LOG_PAGE),
    cursor: parameters.one("cursor"),
  });
  return query.messageIds?.length === 0 ? null : query;
}

/** `IN_PROGRESS` is three states; cancelled is spelled with one l or two. Contract 02 §4, 07 Q5. */
function decodeState(value: string): readonly LogState[] {
  if (value === "IN_PROGRESS") return ["ACTIVE", "RETRY", "ERROR"];
  if (value === "CANCELLED") return ["CANCELED"];
  const state = LOG_STATES.find((known) => known === value);
  if (state !== undefined) return [state];
  throw bad("state", value, `is not one of ${LOG_STATES.join(", ")}, IN_PROGRESS`);
}
