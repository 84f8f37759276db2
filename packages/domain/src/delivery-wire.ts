import type { HeaderMap, Message, PendingMessage } from "./message/message.ts";
import type { AttemptResult } from "./record/attempt-result.ts";
import type { SigningKeys } from "./tenant/tenant.ts";

/** One attempt to be dressed for the receiver. */
export interface AttemptContext {
  /** How many attempts were made before this one. */
  readonly retried: number;
  /** Unix seconds, from the database's clock. */
  readonly nowSeconds: number;
  readonly signingKeys: SigningKeys;
}

/** A request ready to be sent. Header names are unique, case-insensitively. */
export interface OutgoingRequest {
  readonly url: string;
  readonly method: string;
  /** Flat list: name, value, name, value …, the shape that the HTTP client takes without copying. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** What a callback tells of: one attempt of a message. */
export interface CallbackSource {
  readonly message: PendingMessage;
  /** How many attempts were made before this one. */
  readonly retried: number;
  readonly result: AttemptResult;
  /** Most bytes of the answer that are told: the plan's message size. */
  readonly answerBytes: number;
  /** uuidv7 of the dead letter, when the callback tells that the message has failed for good. */
  readonly deadLetterId?: string;
}

/** How a wire shows a delivery to its receiver and reads what is special in the answer. */
export interface DeliveryWire {
  dress(message: Message, context: AttemptContext): OutgoingRequest;
  /** True when the receiver forbids any further attempt. */
  isNonRetryable(status: number, headers: HeaderMap): boolean;
  /** The body of a callback: one JSON object, at most `MAX_CALLBACK_BYTES` long. */
  callbackBody(source: CallbackSource): Buffer;
}
