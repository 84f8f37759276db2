import type { FlowControl } from "../flow-control/flow-control.ts";
import type { Redaction } from "./redaction.ts";

/** The HTTP methods a message may be delivered with. */
export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export type Method = (typeof METHODS)[number];

/** Header names in canonical MIME case (`Test-Header`), each with every value it was given, in order. */
export type HeaderMap = Readonly<Record<string, readonly string[]>>;

/** The wires a message can arrive by; the dispatcher dresses its delivery by the same one. */
export const WIRES = ["qstash"] as const;
export type WireName = (typeof WIRES)[number];

/** What a publisher may leave out. Stored as one JSON column: absent fields cost nothing. */
export interface MessageOptions {
  /** Expression whose result is the delay of the next retry in milliseconds, text as given. */
  readonly retryDelay?: string;
  /** Total budget of one attempt, milliseconds; absent means the longest the plan allows. */
  readonly timeoutMs?: number;
  readonly labels?: readonly string[];
  readonly redaction?: Redaction;
  /** Address of whoever published the message. */
  readonly callerIp?: string;
  /** Name of the topic that the message was fanned out from. */
  readonly topicName?: string;
  readonly endpointName?: string;
  readonly scheduleId?: string;
  /** FIFO queue that the message goes through. */
  readonly queueName?: string;
  readonly flowControl?: FlowControl;
  /** Published after every attempt. */
  readonly callback?: Callback;
  /** Published once, when the message has failed for good. */
  readonly failureCallback?: Callback;
}

/** A message to be published about another one: after each attempt, or when it has failed for good. */
export interface Callback {
  readonly url: string;
  readonly method: Method;
  /** Forwarded to the callback's receiver. */
  readonly headers: HeaderMap;
  /** Absent: as many as the message it is about. */
  readonly maxRetries?: number;
  readonly delayMs?: number;
  /** Unix milliseconds before which it may not go; at most one of it and the delay is there. */
  readonly notBeforeMs?: number;
  readonly options: Pick<
    MessageOptions,
    | "retryDelay"
    | "timeoutMs"
    | "labels"
    | "redaction"
    | "flowControl"
    | "callback"
    | "failureCallback"
  >;
}

/** A message as it was accepted: written once, never changed. */
export interface Message {
  readonly tenantId: string;
  /** uuidv7 made by `message-id.ts`: holds the time of creation and the day of expiry. */
  readonly id: string;
  readonly wire: WireName;
  /** Absolute http(s) URL exactly as received: never decoded and re-encoded. */
  readonly destination: string;
  readonly method: Method;
  /** Forwarded headers and the content type. */
  readonly headers: HeaderMap;
  readonly body: Buffer;
  /** Attempts allowed = 1 + maxRetries. */
  readonly maxRetries: number;
  readonly options: MessageOptions;
}

/** A message that is still to be delivered, as `GET` shows it. */
export interface PendingMessage extends Message {
  /** Unix milliseconds of acceptance. */
  readonly createdAt: number;
  /** Unix milliseconds before which the first attempt may not start. */
  readonly notBefore: number;
}
