import type { HeaderMap } from "@omnistore/domain/message/message";

import type { DataKey } from "./data-key.ts";
import type { MessageKey } from "./load-messages.sql.ts";
import { openContent, SEALED, sealContent } from "./sealed-content.ts";
import type { DataKeys } from "./vault.ts";

/** Headers and body of an answer as they are stored: both, or neither. */
export interface StoredAnswer {
  readonly responseHeaders: HeaderMap | typeof SEALED | null;
  readonly responseBody: Buffer | null;
}

/** What a receiver answered, in the shape that the driver returns. */
export interface AnswerRow {
  readonly status: number | null;
  readonly response_headers: HeaderMap | typeof SEALED | null;
  readonly response_body: Buffer | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: HeaderMap;
  readonly body: Buffer;
}

/** One seal serves the log and the dead letter: an answer belongs to its message. */
export function sealAnswer(
  key: DataKey,
  of: MessageKey,
  { responseHeaders: headers, responseBody: body }: StoredAnswer,
): StoredAnswer {
  if (headers === null || headers === SEALED || body === null) {
    return { responseHeaders: headers, responseBody: body };
  }
  return {
    responseHeaders: SEALED,
    responseBody: sealContent(key, placeOf(of), { headers }, body),
  };
}

/** Undefined when there was no answer. Throws when it is sealed and cannot be opened. */
export function readAnswer(row: AnswerRow, of: MessageKey, keys: DataKeys): Answer | undefined {
  const { status, response_headers: headers, response_body: body } = row;
  if (status === null) return undefined;
  if (headers !== SEALED) return { status, headers: headers ?? {}, body: body ?? Buffer.alloc(0) };
  const opened = openContent(keys.get(of.tenantId), placeOf(of), body ?? Buffer.alloc(0));
  return { status, headers: opened.named.headers, body: opened.body };
}

function placeOf({ tenantId, messageId }: MessageKey) {
  return { kind: "answer", tenantId, id: messageId } as const;
}
