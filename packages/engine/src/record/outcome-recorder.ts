import { setTimeout as sleep } from "node:timers/promises";

import { inTransaction, type Pool } from "@omnistore/db/client";

import { sealAnswer } from "../answer-row.ts";
import type { DatabaseClock } from "../database-clock.ts";
import { GroupCommit, isFaultOfTheData } from "../group-commit.ts";
import { TransactionStore } from "../publish/transaction-store.ts";
import type { TenantPlans } from "../tenant-plans.ts";
import type { Vault } from "../vault.ts";
import { withPartitions } from "../with-partitions.ts";
import { chargeCallbacks } from "./charge-callbacks.ts";
import { holdOutcomes } from "./hold-outcomes.sql.ts";
import { writeOutcomes, type Outcome } from "./write-outcomes.sql.ts";

export interface OutcomeRecorderParts {
  readonly pool: Pool;
  readonly clock: DatabaseClock;
  readonly vault: Vault;
  readonly plans: Pick<TenantPlans, "of">;
  /** Called after a commit that stored callbacks: there is something to deliver. */
  readonly onStored: () => void;
  readonly onError: (error: unknown) => void;
}

const MIB = 1024 * 1024;
/** What waits is bounded by the dispatcher's slots: an attempt keeps its slot until it is recorded. */
const LIMITS = {
  batchRows: 500,
  batchWeight: 16 * MIB,
  waitingRows: Number.POSITIVE_INFINITY,
  waitingMs: Number.POSITIVE_INFINITY,
  burstRows: 0,
  waitingWeight: Number.POSITIVE_INFINITY,
};
const RETRY_MS = 500;

/** The one writer of outcomes in a dispatcher. */
export class OutcomeRecorder {
  readonly #parts: OutcomeRecorderParts;
  readonly #commit: GroupCommit<Outcome, boolean>;
  readonly #callbacks: TransactionStore;
  #closing = false;

  constructor(parts: OutcomeRecorderParts) {
    this.#parts = parts;
    this.#callbacks = new TransactionStore(parts.vault);
    this.#commit = new GroupCommit(
      (batch) => withPartitions(parts.pool, () => this.#write(batch)),
      LIMITS,
    );
  }

  /**
   * Resolves, when the outcome is durable, with whether it counted: false means that the lease was
   * lost and somebody else makes, or made, this attempt. Keeps trying while the database is away:
   * what a receiver already got must not be sent again without need. Only an outcome that the
   * database can never take is given up; its lease is then found forgotten and handed back.
   */
  async record(outcome: Outcome): Promise<boolean> {
    const size = sizeOf(outcome);
    for (;;) {
      try {
        return await this.#commit.submit(await this.#withSealedAnswer(outcome), size);
      } catch (error) {
        this.#parts.onError(error);
        if (this.#closing || isFaultOfTheData(error)) return false;
        await sleep(RETRY_MS);
      }
    }
  }

  /** Writes what waits, and stops insisting: what cannot be written now is delivered again. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#commit.drain();
  }

  /** Of a tenant without a key, which is gone, no answer is kept. */
  async #withSealedAnswer(outcome: Outcome): Promise<Outcome> {
    if (outcome.responseHeaders === null) return outcome;
    const { tenantId } = outcome.leased;
    const keys = await this.#parts.vault.sealingKeys([tenantId]);
    if (keys === null) return outcome;
    const key = keys.get(tenantId);
    if (key === undefined) return { ...outcome, responseHeaders: null, responseBody: null };
    return { ...outcome, ...sealAnswer(key, outcome.leased, outcome) };
  }

  /** Callbacks are stored with the outcomes that call for them, or not at all; without any, one statement does. */
  async #write(batch: readonly Outcome[]): Promise<readonly boolean[]> {
    const { pool, clock, onStored } = this.#parts;
    if (batch.every(({ callbacks }) => callbacks.length === 0)) return writeOutcomes(pool, batch);
    // Read before the transaction, which needs its connection for itself.
    const calling = batch.filter(({ callbacks }) => callbacks.length > 0);
    const plans = await this.#parts.plans.of(calling.map(({ leased }) => leased.tenantId));
    const { counted, stored } = await inTransaction(pool, async (client) => {
      const nowMs = clock.nowMs();
      const charged = await chargeCallbacks(client, { plans, nowMs }, batch);
      const queues = await holdOutcomes(client, batch);
      const results = await writeOutcomes(client, batch);
      // A callback is part of what its message's queue waits for. Contract 02 §5.
      const callbacks = batch.flatMap((outcome, index) => {
        const inQueueOf = queues.get(outcome.leased.messageId) ?? null;
        return results[index] === true
          ? outcome.callbacks.map((callback) => ({ ...callback, inQueueOf }))
          : [];
      });
      await charged.settle(results);
      await this.#callbacks.store(client, callbacks, nowMs);
      return { counted: results, stored: callbacks.length };
    });
    if (stored > 0) onStored();
    return counted;
  }
}

function sizeOf({ responseBody, callbacks }: Outcome): { rows: number; weight: number } {
  const bodies = callbacks.map(({ message }) => message.body.length);
  const weight = bodies.reduce((sum, bytes) => sum + bytes, 512 + (responseBody?.length ?? 0));
  return { rows: 1 + callbacks.length, weight };
}
