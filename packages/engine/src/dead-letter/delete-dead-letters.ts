import type { Pool } from "@omnistore/db/client";
import type { DeadLetterSelection, DeletionOutcome } from "@omnistore/domain/dead-letter/selection";

import { selectPage } from "./select-page.ts";
import { takeDeadLetters } from "./take-dead-letters.sql.ts";

/** Ids of one statement. */
const BATCH = 500;

/** Removes entries for good; ids that no entry has are passed over. Contract 03 §5. */
export async function deleteDeadLetters(
  pool: Pool,
  tenantId: string,
  selection: DeadLetterSelection,
): Promise<DeletionOutcome> {
  const page = await selectPage(pool, tenantId, selection);
  if (page.kind === "bad-cursor") return page;
  let deleted = 0;
  for (let start = 0; start < page.ids.length; start += BATCH) {
    const taken = await takeDeadLetters(pool, tenantId, page.ids.slice(start, start + BATCH));
    deleted += taken.length;
  }
  return {
    kind: "deleted",
    deleted,
    ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
  };
}
