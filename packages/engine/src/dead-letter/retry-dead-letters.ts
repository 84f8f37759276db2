import { inTransaction, type Pool, type Queryable } from "@omnistore/db/client";
import { retryCommand, type RetryOverrides } from "@omnistore/domain/dead-letter/retry-overrides";
import type { DeadLetterSelection, RetryOutcome } from "@omnistore/domain/dead-letter/selection";
import type { BudgetSpent } from "@omnistore/domain/tenant/budget";

import type { DatabaseClock } from "../database-clock.ts";
import { loadMessages } from "../load-messages.sql.ts";
import { makeMessage, type KeepLimits } from "../publish/make-message.ts";
import type { TransactionStore } from "../publish/transaction-store.ts";
import type { Vault } from "../vault.ts";
import { withPartitions } from "../with-partitions.ts";
import { bySize } from "./by-size.sql.ts";
import { selectPage } from "./select-page.ts";
import { takeDeadLetters } from "./take-dead-letters.sql.ts";

export interface RetryParts {
  readonly pool: Pool;
  readonly clock: DatabaseClock;
  readonly vault: Vault;
  readonly transactionStore: TransactionStore;
  readonly limits: KeepLimits;
  /** What the tenant's plan has left of today: what is retried is a message, and counts. */
  readonly day: {
    /** Null when so many were taken, all of them; else why none was. */
    spend(messages: number): Promise<BudgetSpent | null>;
    refund(messages: number): void;
  };
}

/** Ends the transaction: some ids are no entries, so nothing is to change. */
class UnknownIdsError extends Error {
  readonly ids: readonly string[];

  constructor(ids: readonly string[]) {
    super("some ids are no dead letters");
    this.ids = ids;
  }
}

/**
 * Publishes the messages of entries anew, each under a new id, and removes the entries in the same
 * transaction: of two retries of one entry, one finds it gone. Contract 03 §5.
 */
export async function retryDeadLetters(
  parts: RetryParts,
  tenantId: string,
  selection: DeadLetterSelection,
  overrides: RetryOverrides,
): Promise<RetryOutcome> {
  const page = await selectPage(parts.pool, tenantId, selection);
  if (page.kind === "bad-cursor") return page;
  const cursor = page.cursor === undefined ? {} : { cursor: page.cursor };
  if (page.ids.length === 0) return { kind: "retried", messageIds: [], ...cursor };
  const spent = await parts.day.spend(page.ids.length);
  if (spent !== null) return { kind: "over-budget", spent };
  let stored = 0;
  // Before the transaction: many of these at once must not wait for connections that they hold.
  try {
    await parts.vault.sealingKey(tenantId);
    const messageIds = await withPartitions(parts.pool, () =>
      inTransaction(parts.pool, async (client) => {
        const taken = await takeDeadLetters(client, tenantId, page.ids);
        const originals = new Map(taken.map(({ id, messageId }) => [id, messageId]));
        const unknown = page.ids.filter((id) => !originals.has(id));
        if (selection.kind === "ids" && unknown.length > 0) throw new UnknownIdsError(unknown);
        const inOrder = page.ids.flatMap((id) => originals.get(id) ?? []);
        return republish(client, parts, tenantId, inOrder, overrides);
      }),
    );
    stored = messageIds.length;
    return { kind: "retried", messageIds, ...cursor };
  } catch (error) {
    if (error instanceof UnknownIdsError) return { kind: "unknown-ids", ids: error.ids };
    throw error;
  } finally {
    parts.day.refund(page.ids.length - stored);
  }
}

/** Stores a copy of each message; as many at a time as fit into memory. */
async function republish(
  client: Queryable,
  { clock, vault, transactionStore, limits }: RetryParts,
  tenantId: string,
  messageIds: readonly string[],
  overrides: RetryOverrides,
): Promise<readonly string[]> {
  const copies: string[] = [];
  for (const batch of await bySize(client, tenantId, messageIds)) {
    const keys = batch.map((messageId) => ({ tenantId, messageId }));
    const originals = await loadMessages(client, vault, keys);
    const nowMs = clock.nowMs();
    const toStore = batch.flatMap((messageId) => {
      const original = originals.get(messageId);
      if (original === undefined) return [];
      const command = retryCommand(original, overrides);
      return [{ message: makeMessage(command, nowMs, limits), due: command.due }];
    });
    await transactionStore.store(client, toStore, nowMs);
    copies.push(...toStore.map(({ message }) => message.id));
  }
  return copies;
}
