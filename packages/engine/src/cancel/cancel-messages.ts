import type { Pool } from "@omnistore/db/client";
import type { CancelSelection } from "@omnistore/domain/cancel/cancel-selection";

import { uuidOfTime } from "../uuid-of-time.ts";
import { withPartitions } from "../with-partitions.ts";
import { cancelDeliveries } from "./cancel-deliveries.sql.ts";
import { keepMatching, selectWaiting, youngestWaiting } from "./select-waiting.sql.ts";

/** Messages of one statement: locks are held for some milliseconds, however many there are. */
const BATCH = 500;
/** Ids of one look at the queue. Where statistics are stale, a look reads all that waits: few looks. */
const LOOK = 10_000;

/**
 * Takes messages out of the queue for good, batch by batch, and says how many. A failure in the
 * middle leaves the rest as it was; the call can be repeated. Contract 03 §1.
 */
export async function cancelMessages(
  pool: Pool,
  tenantId: string,
  selection: CancelSelection,
): Promise<number> {
  let cancelled = 0;
  for await (const batch of batches(pool, tenantId, selection)) {
    const room = (selection.kind === "filter" ? selection.count : undefined) ?? Infinity;
    cancelled += await cancelBatch(pool, tenantId, batch.slice(0, room - cancelled));
    if (cancelled >= room) break;
  }
  return cancelled;
}

/** What is selected, in batches; some of it may have left the queue before its turn comes. */
async function* batches(
  pool: Pool,
  tenantId: string,
  selection: CancelSelection,
): AsyncGenerator<readonly string[]> {
  if (selection.kind === "ids") {
    yield* slices(selection.messageIds);
    return;
  }
  const first = uuidOfTime(selection.fromMs ?? 0, "first");
  const youngest = await youngestWaiting(pool, tenantId, {
    first,
    last: uuidOfTime(selection.toMs ?? Infinity, "last"),
  });
  if (youngest === null) return;
  // What is published from now on is not meant, or a busy publisher would keep this going for ever.
  const range = { first, last: youngest };
  let after: string | null = null;
  for (;;) {
    const waiting: readonly string[] = await selectWaiting(pool, tenantId, range, after, LOOK);
    for (const batch of slices(waiting)) {
      yield await keepMatching(pool, tenantId, batch, selection.filter);
    }
    after = waiting.at(-1) ?? null;
    if (waiting.length < LOOK || after === null) return;
  }
}

function* slices(ids: readonly string[]): Generator<readonly string[]> {
  for (let start = 0; start < ids.length; start += BATCH) yield ids.slice(start, start + BATCH);
}

async function cancelBatch(
  pool: Pool,
  tenantId: string,
  messageIds: readonly string[],
): Promise<number> {
  if (messageIds.length === 0) return 0;
  const cancel = (mode: "batch" | "single", ids: readonly string[]) =>
    withPartitions(pool, () => cancelDeliveries(pool, mode, tenantId, ids));
  const { cancelled, held } = await cancel("batch", messageIds);
  let total = cancelled;
  for (const id of held) total += (await cancel("single", [id])).cancelled;
  return total;
}
