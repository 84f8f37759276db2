import type { HeaderMap, Message } from "../message/message.ts";
import type { MessageFilter } from "../message/message-filter.ts";

/** States of a message's life as the log tells it (contract 02 §4). */
export const LOG_STATES = [
  "CREATED",
  "ACTIVE",
  "DELIVERED",
  "ERROR",
  "RETRY",
  "FAILED",
  "CANCEL_REQUESTED",
  "CANCELED",
] as const;
export type LogState = (typeof LOG_STATES)[number];

/** One entry of the log, derived when read from the message and its attempts. */
export interface LogEvent {
  /** Unix milliseconds. */
  readonly time: number;
  readonly state: LogState;
  readonly message: Message;
  /** Unix milliseconds of the coming attempt: on CREATED and RETRY. */
  readonly nextDeliveryTime?: number;
  /** What went wrong, in words: on ERROR and FAILED. */
  readonly error?: string;
  /** The receiver's answer: on ERROR, when there was one. */
  readonly response?: {
    readonly status: number;
    readonly headers: HeaderMap;
    readonly body: Buffer;
  };
}

/** Which entries, and how many. Its filters combine as those of the message do. */
export interface LogQuery extends MessageFilter {
  readonly messageIds?: readonly string[];
  readonly states?: readonly LogState[];
  /** Unix milliseconds, inclusive. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly order: "latestFirst" | "earliestFirst";
  /** 1 to 1000. */
  readonly count: number;
  /** As given by an earlier page. */
  readonly cursor?: string;
}

/** One page of a list; `cursor` is there only when more remains. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly cursor?: string;
}

/** A page, or the news that the cursor is not one of ours. */
export type PageOutcome<Item> =
  | { readonly kind: "page"; readonly page: Page<Item> }
  | { readonly kind: "bad-cursor" };
