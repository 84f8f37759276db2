import type {
  HeaderMap,
  Message,
  MessageOptions,
  Method,
  PendingMessage,
  WireName,
} from "@omnistore/domain/message/message";
import { messageIdTime } from "@omnistore/domain/message/message-id";

/** The columns of a message, in the shape that the driver returns. */
export const MESSAGE_COLUMNS =
  "m.tenant_id, m.id, m.wire, m.destination, m.method, m.headers, m.body, m.max_retries, m.options";

export interface MessageRow {
  readonly tenant_id: string;
  readonly id: string;
  readonly wire: WireName;
  readonly destination: string;
  readonly method: Method;
  readonly headers: HeaderMap;
  readonly body: Buffer;
  readonly max_retries: number;
  readonly options: MessageOptions | null;
}

function readMessage(row: MessageRow): Message {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    wire: row.wire,
    destination: row.destination,
    method: row.method,
    headers: row.headers,
    body: row.body,
    maxRetries: row.max_retries,
    options: row.options ?? {},
  };
}

/** A message row with its times. */
export function readPending(row: MessageRow & { readonly not_before: Date }): PendingMessage {
  const createdAt = messageIdTime(row.id);
  // An immediate message is due when its statement ran, a moment before or after its id was made.
  return {
    ...readMessage(row),
    createdAt,
    notBefore: Math.max(createdAt, row.not_before.getTime()),
  };
}
