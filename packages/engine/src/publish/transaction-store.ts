import type { Queryable } from "@omnistore/db/client";
import type { Message } from "@omnistore/domain/message/message";
import type { Due } from "@omnistore/domain/publish/publish-command";

import { storedContent } from "../message-row.ts";
import { FairPlaces } from "../store/fair-places.ts";
import { insertMessages } from "../store/insert-messages.sql.ts";
import type { Vault } from "../vault.ts";

/** A message that is stored together with something else. */
export interface MessageToStore {
  readonly message: Message;
  readonly due: Due;
  /** Queue whose place it takes part in; see `NewMessage`. */
  readonly inQueueOf?: string | null;
}

/** Most rows, and most bytes of bodies, of one statement. */
const STATEMENT_ROWS = 5000;
const STATEMENT_BYTES = 16 * 1024 * 1024;

/** Stores messages in the caller's transaction: they are there when it commits, or not at all. */
export class TransactionStore {
  readonly #places = new FairPlaces();
  readonly #vault: Vault;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** `nowMs` is the database's time. A tenant without a key is gone, and nothing is stored for it. */
  async store(db: Queryable, batch: readonly MessageToStore[], nowMs: number): Promise<void> {
    const nowMicros = Math.round(nowMs * 1000);
    const keys = await this.#vault.sealingKeys(batch.map(({ message }) => message.tenantId));
    // Sealed piece by piece: in clear, messages to one topic share their body, sealed each has its own.
    for (const piece of piecesOf(batch)) {
      const rows = piece.flatMap((toStore) => {
        const { tenantId } = toStore.message;
        const key = keys === null ? null : keys.get(tenantId);
        if (key === undefined) return [];
        return {
          ...toStore,
          content: storedContent(toStore.message, key),
          deduplicationKey: null,
          virtualTime: this.#places.next(tenantId, nowMicros),
          owner: null,
        };
      });
      if (rows.length > 0) await insertMessages(db, rows);
    }
  }
}

/** Whoever has many or large messages to store needs several statements. */
function* piecesOf(rows: readonly MessageToStore[]): Generator<readonly MessageToStore[]> {
  let piece: MessageToStore[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = row.message.body.length;
    const isFull = piece.length === STATEMENT_ROWS || bytes + size > STATEMENT_BYTES;
    if (piece.length > 0 && isFull) {
      yield piece;
      piece = [];
      bytes = 0;
    }
    piece.push(row);
    bytes += size;
  }
  if (piece.length > 0) yield piece;
}
