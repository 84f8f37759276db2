/** Queues or keys of one page of a list: each of them is small. */
export const PAGE_GATES = 500;

/** The name that the next page begins behind; null when there is none. */
export function lastOfFullPage(rows: readonly { readonly name: string }[]): string | null {
  return rows.length < PAGE_GATES ? null : (rows.at(-1)?.name ?? null);
}
