import type { DeadLetterQuery } from "../history/dead-letter.ts";
import type { BudgetSpent } from "../tenant/budget.ts";

/** Which of a tenant's dead letters something is done with. */
export type DeadLetterSelection =
  | { readonly kind: "ids"; readonly ids: readonly string[] }
  /** One page of those that pass the filters. */
  | { readonly kind: "page"; readonly query: DeadLetterQuery };

/** What became of a deletion; `cursor` is there only when more remains. */
export type DeletionOutcome =
  | { readonly kind: "deleted"; readonly deleted: number; readonly cursor?: string }
  | { readonly kind: "bad-cursor" };

/** What became of a retry. */
export type RetryOutcome =
  /** The new messages, in the order of the selection; `cursor` is there only when more remains. */
  | { readonly kind: "retried"; readonly messageIds: readonly string[]; readonly cursor?: string }
  /** Some of the ids are no entries (any more): nothing was changed. */
  | { readonly kind: "unknown-ids"; readonly ids: readonly string[] }
  /** Nothing was changed: the tenant has used up what its plan allows. */
  | { readonly kind: "over-budget"; readonly spent: BudgetSpent }
  | { readonly kind: "bad-cursor" };
