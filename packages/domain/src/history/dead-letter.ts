import type { HeaderMap, PendingMessage } from "../message/message.ts";
import type { MessageFilter } from "../message/message-filter.ts";

/** A message that was given up, with the receiver's last answer. */
export interface DeadLetter {
  /** uuidv7 of the entry itself. */
  readonly id: string;
  readonly message: PendingMessage;
  /** Unix milliseconds of the last attempt's end. */
  readonly diedAt: number;
  readonly response?: {
    readonly status: number;
    readonly headers: HeaderMap;
    readonly body: Buffer;
  };
  /** In words, when there was no answer. */
  readonly error?: string;
}

/** Which entries, and how many. Its filters combine as those of the message do. */
export interface DeadLetterQuery extends MessageFilter {
  readonly ids?: readonly string[];
  readonly messageId?: string;
  readonly responseStatuses?: readonly number[];
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly order: "latestFirst" | "earliestFirst";
  /** 1 to 100. */
  readonly count: number;
  readonly cursor?: string;
}
