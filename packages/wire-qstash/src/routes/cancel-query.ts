import type { CancelSelection } from "@omnistore/domain/cancel/cancel-selection";
import { MAX_CANCEL_COUNT } from "@omnistore/domain/message/limits";
import { definedOnly } from "../defined-only.ts";
import { decodeMessageId } from "../ids.ts";
import type { Parameter } from "../request/query.ts";
import { decodeMessageFilter, MESSAGE_FILTER_PARAMETERS } from "./message-filters.ts";
import { knownIds } from "./pages.ts";
import { onePlaceOf } from "./one-place-of.ts";
import { strictParameters } from "./strict-parameters.ts";

const PARAMETERS = ["messageIds", ...MESSAGE_FILTER_PARAMETERS, "fromDate", "toDate", "count"];

/**
 * Which messages `DELETE /v2/messages` is about: those of the ids, wherever they are given, else all
 * that pass the filters; nothing at all means everything. Contract 03 §1.
 */
export function decodeCancelSelection(
  given: readonly Parameter[],
  bodyIds: readonly string[] | undefined,
): CancelSelection {
  const parameters = strictParameters(given, PARAMETERS);
  const filter = {
    kind: "filter",
    filter: decodeMessageFilter(parameters),
    fromMs: parameters.time("fromDate"),
    toMs: parameters.time("toDate"),
    count: parameters.has("count")
      ? parameters.count(MAX_CANCEL_COUNT, MAX_CANCEL_COUNT)
      : undefined,
  } as const;
  const queryIds = parameters.many(["messageIds"]);
  if (queryIds === undefined && bodyIds === undefined) return definedOnly(filter);
  const ids = onePlaceOf("messageIds", queryIds, bodyIds);
  return { kind: "ids", messageIds: knownIds(ids, decodeMessageId) };
}
