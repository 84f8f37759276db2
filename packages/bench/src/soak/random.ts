/** Pseudo-random numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of the items, each as likely as its weight. */
export function pick<Item>(
  items: readonly { readonly weight: number; readonly item: Item }[],
  random: number,
): Item {
  const total = items.reduce((sum, { weight }) => sum + weight, 0);
  let left = random * total;
  for (const { weight, item } of items) {
    left -= weight;
    if (left < 0) return item;
  }
  const last = items.at(-1);
  if (last === undefined) throw new Error("there is nothing to pick from");
  return last.item;
}
