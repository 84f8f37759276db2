/** A batch was refused before it was tried: too much is waiting already. */
export class BufferFullError extends Error {
  override readonly name = "BufferFullError";
}

export interface GroupCommitLimits {
  /** Most rows, and most weight, of one flush. */
  readonly batchRows: number;
  readonly batchWeight: number;
  /** Most rows, and most weight, that may wait for a flush. */
  readonly waitingRows: number;
  readonly waitingWeight: number;
  /** Longest that a newcomer is to wait as the last writes went, milliseconds. */
  readonly waitingMs: number;
  /** So many rows may wait however long that takes: a burst is no overload. */
  readonly burstRows: number;
}

/** What the last write says of how long rows take counts for so much; the rest is what was known. */
const WEIGHT_OF_THE_LAST = 0.3;

/** What an item costs its flush. */
export interface ItemSize {
  readonly rows: number;
  readonly weight: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly size: ItemSize;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what arrives while the last write is under way into the next one. There is no timer: an
 * idle writer flushes at once, a busy one grows its batches by itself.
 */
export class GroupCommit<Item, Result> {
  readonly #write: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #limits: GroupCommitLimits;
  #waiting: Waiting<Item, Result>[] = [];
  #waitingRows = 0;
  #waitingWeight = 0;
  /** How long a row of a write takes, milliseconds: what the last writes took, each counting less with age. */
  #msPerRow = 0;
  #flushing: Promise<void> | undefined;

  /** `write` stores all items or none, and answers in their order. */
  constructor(
    write: (items: readonly Item[]) => Promise<readonly Result[]>,
    limits: GroupCommitLimits,
  ) {
    this.#write = write;
    this.#limits = limits;
  }

  /**
   * Resolves with the item's own result when its batch is durable; rejects with what made the write
   * fail, or with `BufferFullError`. An item is never parted, so one that is larger than a whole
   * flush is a flush of its own.
   */
  submit(item: Item, size: ItemSize): Promise<Result> {
    if (this.#waiting.length > 0 && !this.#mayWait(size)) {
      return Promise.reject(new BufferFullError("too many writes are waiting"));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, size, resolve, reject });
      this.#waitingRows += size.rows;
      this.#waitingWeight += size.weight;
      this.#flushing ??= this.#flushAll();
    });
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
  }

  #mayWait({ rows, weight }: ItemSize): boolean {
    const waitingRows = this.#waitingRows + rows;
    return (
      waitingRows <= this.#limits.waitingRows &&
      this.#waitingWeight + weight <= this.#limits.waitingWeight &&
      (waitingRows <= this.#limits.burstRows ||
        waitingRows * this.#msPerRow <= this.#limits.waitingMs)
    );
  }

  async #flushAll(): Promise<void> {
    // One turn of the event loop: requests that were read together are written together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#settle(this.#takeBatch());
    this.#flushing = undefined;
  }

  #takeBatch(): Waiting<Item, Result>[] {
    let count = 0;
    let rows = 0;
    let weight = 0;
    for (const { size } of this.#waiting) {
      const isFull =
        rows + size.rows > this.#limits.batchRows ||
        weight + size.weight > this.#limits.batchWeight;
      if (count > 0 && isFull) break;
      rows += size.rows;
      weight += size.weight;
      count += 1;
    }
    this.#waitingRows -= rows;
    this.#waitingWeight -= weight;
    return this.#waiting.splice(0, count);
  }

  async #settle(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const startedMs = performance.now();
    try {
      const results = await this.#write(batch.map(({ item }) => item));
      this.#learn(performance.now() - startedMs, batch);
      for (const [index, { resolve }] of batch.entries()) resolve(resultAt(results, index));
    } catch (error) {
      if (batch.length > 1 && isFaultOfTheData(error)) {
        // One item that the database cannot take must not take the others down: halve until it is alone.
        const middle = batch.length >> 1;
        await this.#settle(batch.slice(0, middle));
        await this.#settle(batch.slice(middle));
        return;
      }
      for (const { reject } of batch) reject(error);
    }
  }

  #learn(tookMs: number, batch: readonly Waiting<Item, Result>[]): void {
    const perRow = tookMs / batch.reduce((rows, { size }) => rows + size.rows, 0);
    this.#msPerRow =
      this.#msPerRow === 0
        ? perRow
        : this.#msPerRow + WEIGHT_OF_THE_LAST * (perRow - this.#msPerRow);
  }
}

/** A write answers every item: see the constructor. */
function resultAt<Result>(results: readonly Result[], index: number): Result {
  if (index >= results.length) throw new Error("a write answered fewer items than it was given");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the index was just checked
  return results[index] as Result;
}

/** SQLSTATE classes 22 and 23: the statement was understood, a value in it was not acceptable. */
export function isFaultOfTheData(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^2[23]/.test(String(error.code));
}
