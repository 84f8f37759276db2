import type { Message, Method, PendingMessage, WireName } from "@omnistore/domain/message/message";
import { messageIdTime } from "@omnistore/domain/message/message-id";

import type { DataKey } from "./data-key.ts";
import { SHORT_BODY, type ShortBodyRow } from "./long-bodies.ts";
import { fromColumns, toColumns, type ContentColumns } from "./sealed-content.ts";
import type { DataKeys } from "./vault.ts";

/** The columns of `messages m`, in the shape that the driver returns; `withBodies` reads what is too long for them. */
export const MESSAGE_COLUMNS = `m.tenant_id, m.id, m.wire, m.destination, m.method, m.headers, ${SHORT_BODY},
  m.max_retries, m.options`;

/** A row of these columns. */
export type MessageColumns = Omit<MessageRow, "body"> & ShortBodyRow;

export interface MessageRow extends ContentColumns {
  readonly tenant_id: string;
  readonly id: string;
  readonly wire: WireName;
  readonly destination: string;
  readonly method: Method;
  readonly max_retries: number;
}

/** What is stored of a message's content: JSON, bytes, and JSON or null. */
export interface StoredContent {
  readonly headers: string;
  readonly body: Buffer;
  readonly options: string | null;
}

/** Sealed by the tenant's key, or in clear when `key` is null. */
export function storedContent(message: Message, key: DataKey | null): StoredContent {
  const { headers, body, options } = toColumns(message, placeOf(message.tenantId, message.id), key);
  return {
    headers: JSON.stringify(headers),
    body,
    options: options && JSON.stringify(options),
  };
}

/** A message row with its times. Throws when it is sealed and cannot be opened. */
export function readPending(
  row: MessageRow & { readonly not_before: Date },
  keys: DataKeys,
): PendingMessage {
  const createdAt = messageIdTime(row.id);
  // An immediate message is due when its statement ran, a moment before or after its id was made.
  return {
    ...readMessage(row, keys),
    createdAt,
    notBefore: Math.max(createdAt, row.not_before.getTime()),
  };
}

function readMessage(row: MessageRow, keys: DataKeys): Message {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    wire: row.wire,
    destination: row.destination,
    method: row.method,
    maxRetries: row.max_retries,
    ...fromColumns(row, placeOf(row.tenant_id, row.id), keys),
  };
}

function placeOf(tenantId: string, id: string) {
  return { kind: "message", tenantId, id } as const;
}
