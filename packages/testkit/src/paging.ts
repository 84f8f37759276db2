import fc from "fast-check";
import { expect } from "vitest";

type Order = "latestFirst" | "earliestFirst";

/** A list of one tenant that is read page by page. Entries have keys whose text ascends as the list's time does. */
export interface PagedList {
  /** Makes something that is listed, that long ago. Returns the keys of its entries. */
  come(agoMs: number): Promise<readonly string[]>;
  /** Takes away what has these entries. */
  go(keys: readonly string[]): Promise<unknown>;
  page(request: {
    readonly order: Order;
    readonly count: number;
    readonly cursor: string | undefined;
  }): Promise<{ readonly keys: readonly string[]; readonly cursor: string | undefined }>;
  /** Takes away everything. */
  clear(): Promise<unknown>;
}

/** After so many pages nothing comes any more, so that every reading ends. */
const RESTLESS_PAGES = 4;
const READINGS = 15;
/** Few enough that entries share a time. */
const agoMs = fc.nat(20);

const first = fc.array(fc.record({ agoMs, goesAtPage: fc.option(fc.nat(RESTLESS_PAGES)) }), {
  maxLength: 8,
});
const steps = fc.infiniteStream(
  fc.record({
    count: fc.integer({ min: 1, max: 6 }),
    comeAgoMs: fc.array(agoMs, { maxLength: 2 }),
  }),
);
const orders = fc.constantFrom<Order>("latestFirst", "earliestFirst");

/**
 * Reads a list again and again, by pages of random sizes, while entries come and go. Throws unless
 * each entry that stays is shown exactly once, no other more than once, and all of them in order.
 */
export async function expectWholePaging(list: PagedList): Promise<void> {
  await fc.assert(
    fc.asyncProperty(first, steps, orders, async (entries, restless, order) => {
      const placed: { keys: readonly string[]; goesAtPage: number | null }[] = [];
      for (const entry of entries) {
        placed.push({ keys: await list.come(entry.agoMs), goesAtPage: entry.goesAtPage });
      }
      const keysOf = (page: number | null) =>
        placed.flatMap(({ keys, goesAtPage }) => (goesAtPage === page ? keys : []));
      const seen: string[] = [];
      let cursor: string | undefined;
      for (let at = 0; ; at += 1) {
        const { count, comeAgoMs } = restless.next().value;
        const shown = await list.page({ order, count, cursor });
        expect(shown.keys.length).toBeLessThanOrEqual(count);
        seen.push(...shown.keys);
        cursor = shown.cursor;
        if (cursor === undefined) break;
        await list.go(keysOf(at));
        if (at < RESTLESS_PAGES) for (const ago of comeAgoMs) await list.come(ago);
      }
      const sorted = seen.toSorted();
      expect(seen).toEqual(order === "earliestFirst" ? sorted : sorted.toReversed());
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual(expect.arrayContaining([...keysOf(null)]));
      await list.clear();
    }),
    // Ids differ from run to run: a smaller case would be another one.
    { numRuns: READINGS, endOnFailure: true },
  );
}
