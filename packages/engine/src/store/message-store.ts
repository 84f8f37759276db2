import type { Pool } from "@omnistore/db/client";
import { isGated } from "@omnistore/domain/gate/gate";
import type { Message } from "@omnistore/domain/message/message";
import type { Due } from "@omnistore/domain/publish/publish-command";

import type { DatabaseClock } from "../database-clock.ts";
import { GroupCommit } from "../group-commit.ts";
import type { StoredContent } from "../message-row.ts";
import { withPartitions } from "../with-partitions.ts";
import type { DirectLane, Reservation } from "./direct-lane.ts";
import { FairPlaces } from "./fair-places.ts";
import { insertMessages, type NewMessage } from "./insert-messages.sql.ts";

/** What publish hands to the store. */
export interface StoreRequest {
  readonly message: Message;
  readonly due: Due;
  readonly deduplicationKey: Buffer | null;
  /** The content as it is stored; absent: in clear. */
  readonly content?: StoredContent;
}

export interface MessageStoreParts {
  readonly pool: Pool;
  readonly clock: DatabaseClock;
  /** The dispatcher of this process, where there is one. */
  readonly directLane?: DirectLane | undefined;
  /** Called after a batch committed, when other dispatchers may have work. */
  readonly onStored: () => void;
}

const MIB = 1024 * 1024;
const LIMITS = {
  batchRows: 500,
  batchWeight: 16 * MIB,
  waitingRows: 20_000,
  waitingWeight: 256 * MIB,
  // An answer within a second, or a refusal at once: who waits longer has given up and comes again.
  waitingMs: 500,
  burstRows: 1_000,
};
/** What a message weighs besides its body: its columns, its promise. */
const OVERHEAD_BYTES = 1024;

/** The one writer of messages in a process. */
export class MessageStore {
  readonly #parts: MessageStoreParts;
  readonly #commit: GroupCommit<readonly StoreRequest[], readonly string[]>;
  readonly #places = new FairPlaces();

  constructor(parts: MessageStoreParts) {
    this.#parts = parts;
    this.#commit = new GroupCommit((batch) => this.#write(batch), LIMITS);
  }

  /**
   * Stores all of them or none. Resolves, when they are durable, with the id that answers for each
   * in order: its own, or the one of the message that it duplicates. Rejects with `BufferFullError`
   * or with the database's error.
   */
  store(requests: readonly StoreRequest[]): Promise<readonly string[]> {
    const rows = requests.length;
    const bodies = requests.reduce((sum, { message }) => sum + message.body.length, 0);
    return this.#commit.submit(requests, { rows, weight: OVERHEAD_BYTES * rows + bodies });
  }

  /** Resolves when nothing waits to be written. */
  drain(): Promise<void> {
    return this.#commit.drain();
  }

  async #write(
    batch: readonly (readonly StoreRequest[])[],
  ): Promise<readonly (readonly string[])[]> {
    const answers = await this.#writeAll(batch.flat());
    let start = 0;
    return batch.map((requests) => answers.slice(start, (start += requests.length)));
  }

  async #writeAll(batch: readonly StoreRequest[]): Promise<readonly string[]> {
    const { originals, twinOf } = separateTwins(batch);
    const dueNow = originals.filter(isReady).map(({ message }) => message);
    const reservation =
      dueNow.length > 0 ? (this.#parts.directLane?.reserve(dueNow) ?? null) : null;
    const rows = this.#placeInOrder(originals, reservation);
    const answers = await this.#insert(rows, reservation);

    const direct = rows.filter((row, index) => row.owner && answers[index] === row.message.id);
    if (reservation) {
      this.#parts.directLane?.accept(
        reservation,
        direct.map(({ message }) => message),
      );
    }
    if (direct.length < rows.length) this.#parts.onStored();
    return twinOf.flatMap((index) => answers[index] ?? []);
  }

  async #insert(
    rows: readonly NewMessage[],
    reservation: Reservation | null,
  ): Promise<readonly string[]> {
    try {
      return await withPartitions(this.#parts.pool, () => insertMessages(this.#parts.pool, rows));
    } catch (error) {
      if (reservation) this.#parts.directLane?.release(reservation);
      throw error;
    }
  }

  #placeInOrder(
    batch: readonly StoreRequest[],
    reservation: Reservation | null,
  ): readonly NewMessage[] {
    const nowMicros = Math.round(this.#parts.clock.nowMs() * 1000);
    return batch.map((request) => {
      const virtualTime = this.#places.next(request.message.tenantId, nowMicros);
      const isDirect = reservation?.messages.has(request.message) ?? false;
      return { ...request, virtualTime, owner: isDirect ? (reservation?.owner ?? null) : null };
    });
  }
}

/** True: nothing but a free place stands between it and its delivery. */
function isReady({ due, message }: StoreRequest): boolean {
  return due.kind === "now" && !isGated(message);
}

/**
 * Duplicates inside one batch never reach the database: `ON CONFLICT` may touch a row once only.
 * `twinOf` maps each request to the index of the original that answers for it.
 */
function separateTwins(batch: readonly StoreRequest[]): {
  originals: StoreRequest[];
  twinOf: number[];
} {
  const seen = new Map<string, number>();
  const originals: StoreRequest[] = [];
  const twinOf = batch.map((request) => {
    const key = request.deduplicationKey;
    const name = key && `${request.message.tenantId} ${key.toString("latin1")}`;
    const twin = name ? seen.get(name) : undefined;
    if (twin !== undefined) return twin;
    const index = originals.push(request) - 1;
    if (name) seen.set(name, index);
    return index;
  });
  return { originals, twinOf };
}
