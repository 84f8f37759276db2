import type { HeaderMap } from "../message/message.ts";

/** One receiver of a topic. */
export interface Endpoint {
  /** Absolute http(s) URL exactly as received. */
  readonly url: string;
  /** Told apart by it inside the topic. */
  readonly name?: string;
}

/** A named group of receivers: a message to the topic becomes one message for each. */
export interface Topic {
  readonly name: string;
  /** In the order in which they were added. */
  readonly endpoints: readonly Endpoint[];
  /** Settings of a wire for messages that do not bring their own, as that wire writes them. */
  readonly headers: HeaderMap;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What became of an addition. */
export type AddEndpointsOutcome =
  | { readonly kind: "added" }
  /** Nothing was added: two endpoints of different names would have one URL. */
  | { readonly kind: "doubled-url"; readonly url: string; readonly names: readonly string[] }
  /** Nothing was added: the topic would have more endpoints than a topic may. */
  | { readonly kind: "too-many-endpoints"; readonly count: number }
  /** Nothing was added: the topic would be one more than a tenant may have. */
  | { readonly kind: "too-many-topics" };
