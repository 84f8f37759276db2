interface Rank<Item> {
  readonly items: Item[];
  /** How many of `items` have left. */
  left: number;
}

/**
 * A line in which tenants take turns, one item each: who has many waits behind nobody but itself. The
 * items of one tenant leave in the order in which they came. Every operation takes constant time.
 */
export class FairLine<Item> {
  /** The tenant whose turn is next comes first. */
  readonly #ranks = new Map<string, Rank<Item>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(tenantId: string, item: Item): void {
    this.#size += 1;
    const rank = this.#ranks.get(tenantId);
    if (rank === undefined) this.#ranks.set(tenantId, { items: [item], left: 0 });
    else rank.items.push(item);
  }

  /** The next item leaves the line; undefined when nobody waits. */
  shift(): Item | undefined {
    const [next] = this.#ranks;
    if (next === undefined) return undefined;
    const [tenantId, rank] = next;
    const item = rank.items[rank.left];
    rank.left += 1;
    this.#size -= 1;
    this.#ranks.delete(tenantId);
    if (rank.left < rank.items.length) this.#ranks.set(tenantId, rank);
    // Who never runs out must not keep what has left. Each item is moved once at most, on average.
    if (rank.left * 2 > rank.items.length) rank.left -= rank.items.splice(0, rank.left).length;
    return item;
  }

  /** All who wait, tenant by tenant. */
  *[Symbol.iterator](): Iterator<Item> {
    for (const { items, left } of this.#ranks.values()) yield* items.slice(left);
  }
}
