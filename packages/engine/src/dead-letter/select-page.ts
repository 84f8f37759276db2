import type { Queryable } from "@omnistore/db/client";
import type { DeadLetterSelection } from "@omnistore/domain/dead-letter/selection";
import { isUuid } from "@omnistore/domain/message/message-id";

import { selectDeadLetterIds } from "./select-dead-letters.sql.ts";

/** The ids of a selection, each once, and the cursor when more remains. */
export type SelectedPage =
  | { readonly kind: "page"; readonly ids: readonly string[]; readonly cursor?: string }
  | { readonly kind: "bad-cursor" };

/** What a selection comes to now. */
export async function selectPage(
  db: Queryable,
  tenantId: string,
  selection: DeadLetterSelection,
): Promise<SelectedPage> {
  if (selection.kind === "ids") return { kind: "page", ids: [...new Set(selection.ids)] };
  const { query } = selection;
  if (query.cursor !== undefined && !isUuid(query.cursor)) return { kind: "bad-cursor" };
  const found = await selectDeadLetterIds(db, tenantId, query, query.count + 1);
  const ids = found.slice(0, query.count);
  const last = ids.at(-1);
  return last !== undefined && found.length > query.count
    ? { kind: "page", ids, cursor: last }
    : { kind: "page", ids };
}
