import type { BudgetSpent } from "../tenant/budget.ts";
import type { HeaderMap, MessageOptions, Method, WireName } from "../message/message.ts";

/** When the first attempt may start. */
export type Due =
  | { readonly kind: "now" }
  | { readonly kind: "after"; readonly delayMs: number }
  | { readonly kind: "at"; readonly unixMs: number };

/** What makes two publishes the same one inside the deduplication window. */
export type Deduplication =
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "content" };

/** One publish to one URL, validated by a wire. */
export interface PublishCommand {
  readonly tenantId: string;
  readonly wire: WireName;
  readonly destination: string;
  readonly method: Method;
  readonly headers: HeaderMap;
  readonly body: Buffer;
  readonly due: Due;
  readonly maxRetries: number;
  readonly deduplication?: Deduplication;
  readonly options: MessageOptions;
}

/** What became of a publish. `accepted` is said only after the message is durable. */
export type PublishOutcome =
  | { readonly kind: "accepted"; readonly messageId: string; readonly deduplicated: boolean }
  /** Nothing was stored: the tenant has used up what its plan allows. */
  | { readonly kind: "over-budget"; readonly spent: BudgetSpent }
  /** Nothing was stored: the store is full or out of reach. */
  | { readonly kind: "unavailable"; readonly reason: string; readonly retryAfterSeconds: number };
