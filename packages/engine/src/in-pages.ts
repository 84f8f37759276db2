import { orUnavailable } from "./unavailable.ts";

/** Some of the items of a list in their order, and where the next ones begin; null behind the last. */
export interface ListPage<Item, Position> {
  readonly items: readonly Item[];
  readonly next: Position | null;
}

/**
 * A list that the wire has no cursor for, page by page: nobody ever holds all of it. A page is read
 * when it is asked for, and nothing in the database is held between two of them.
 */
export async function* inPages<Item, Position>(
  read: (after: Position | null) => Promise<ListPage<Item, Position>>,
): AsyncGenerator<readonly Item[]> {
  let after: Position | null = null;
  do {
    const page: ListPage<Item, Position> = await orUnavailable(read(after));
    yield page.items;
    after = page.next;
  } while (after !== null);
}
