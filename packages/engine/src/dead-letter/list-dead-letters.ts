import type { Pool } from "@omnistore/db/client";
import type { DeadLetter, DeadLetterQuery } from "@omnistore/domain/history/dead-letter";
import type { PageOutcome } from "@omnistore/domain/history/log-event";
import { isUuid } from "@omnistore/domain/message/message-id";

import type { Vault } from "../vault.ts";
import { selectDeadLetters } from "./select-dead-letters.sql.ts";

/** A page of the tenant's dead letters. The cursor is the id of the last entry seen. */
export async function listDeadLetters(
  pool: Pool,
  vault: Vault,
  tenantId: string,
  query: DeadLetterQuery,
): Promise<PageOutcome<DeadLetter>> {
  if (query.cursor !== undefined && !isUuid(query.cursor)) return { kind: "bad-cursor" };
  const found = await selectDeadLetters(pool, vault, tenantId, query, query.count + 1);
  const items = found.slice(0, query.count);
  const last = items.at(-1);
  return {
    kind: "page",
    page: last && found.length > query.count ? { items, cursor: last.id } : { items },
  };
}
