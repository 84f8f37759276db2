import type { MessageFilter } from "../message/message-filter.ts";

/** Which of a tenant's messages are to be cancelled. */
export type CancelSelection =
  /** Ids that no waiting message has are passed over. */
  | { readonly kind: "ids"; readonly messageIds: readonly string[] }
  | {
      readonly kind: "filter";
      /** An empty one selects every message. */
      readonly filter: MessageFilter;
      /** Time of acceptance, unix milliseconds, inclusive. */
      readonly fromMs?: number;
      readonly toMs?: number;
      /** Cancel so many, the oldest first; absent means all. */
      readonly count?: number;
    };
