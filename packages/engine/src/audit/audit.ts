import { randomBytes } from "node:crypto";

import type { Pool } from "@omnistore/db/client";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import type { AuditOperations, ChangeOutcome } from "@omnistore/domain/tenant/audit";

import type { DatabaseClock } from "../database-clock.ts";
import { decodeIdCursor, encodeIdCursor } from "../id-cursor.ts";
import type { TenantScopes } from "../tenant-scope.ts";
import { orUnavailable } from "../unavailable.ts";
import { withPartitions } from "../with-partitions.ts";
import { markDone, openEntry, removeEntry, selectEntries, type EntryKey } from "./audit-log.sql.ts";

export interface AuditParts {
  readonly scopeOf: TenantScopes;
  readonly clock: DatabaseClock;
}

/** Longest detail of an entry. */
const KEPT = 1_000;

/** The audit log: written ahead of each change, so that a crash can hide none. */
export function createAudit({ scopeOf, clock }: AuditParts): AuditOperations {
  return {
    async audited(change, work, outcomeOf) {
      const { pool } = scopeOf(change.tenantId);
      const unixMs = Math.floor(clock.nowMs());
      const id = makeUuidV7({ unixMs, random: randomBytes(10) });
      const entry = await orUnavailable(withPartitions(pool, () => openEntry(pool, id, change)));
      let detail: string | null = null;
      const result = await work((told) => {
        detail = told.slice(0, KEPT);
      });
      // An entry that cannot be settled goes on saying that nobody knows.
      await settle(pool, entry, outcomeOf(result), detail).catch(() => undefined);
      return result;
    },
    async listAudit(tenantId, { count, cursor }) {
      const before = cursor === undefined ? undefined : decodeIdCursor(cursor);
      if (before === null) return { kind: "bad-cursor" };
      const found = await orUnavailable(
        selectEntries(scopeOf(tenantId).pool, tenantId, before ?? null, count + 1),
      );
      const items = found.slice(0, count);
      const last = items.at(-1);
      if (found.length <= count || last === undefined) return { kind: "page", page: { items } };
      return { kind: "page", page: { items, cursor: encodeIdCursor(last.id) } };
    },
  };
}

async function settle(
  pool: Pool,
  entry: EntryKey,
  outcome: ChangeOutcome,
  detail: string | null,
): Promise<void> {
  switch (outcome) {
    case "done":
      return markDone(pool, entry, detail);
    case "refused":
      return removeEntry(pool, entry);
    case "unknown":
  }
}
