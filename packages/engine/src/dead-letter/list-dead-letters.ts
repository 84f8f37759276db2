import type { Pool } from "@omnistore/db/client";
import type { DeadLetter, DeadLetterQuery } from "@omnistore/domain/history/dead-letter";
import type { PageOutcome } from "@omnistore/domain/history/log-event";
import { isUuid } from "@omnistore/domain/message/message-id";

import type { Vault } from "../vault.ts";
import { selectDeadLetters } from "./select-dead-letters.sql.ts";

/** A page of the tenant's dead letters, bounded in entries and in bytes. The cursor is the id of its last entry. */
export async function listDeadLetters(
  pool: Pool,
  vault: Vault,
  tenantId: string,
  query: DeadLetterQuery,
): Promise<PageOutcome<DeadLetter>> {
  if (query.cursor !== undefined && !isUuid(query.cursor)) return { kind: "bad-cursor" };
  return { kind: "page", page: await selectDeadLetters(pool, vault, tenantId, query) };
}
