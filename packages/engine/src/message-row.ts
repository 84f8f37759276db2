import type {
  HeaderMap,
  Message,
  MessageOptions,
  Method,
  PendingMessage,
  WireName,
} from "@omnistore/domain/message/message";
import { messageIdTime } from "@omnistore/domain/message/message-id";

import type { DataKey } from "./data-key.ts";
import { openContent, SEALED, sealContent, type SealedNames } from "./sealed-content.ts";
import type { DataKeys } from "./vault.ts";

/** The columns of a message, in the shape that the driver returns. */
export const MESSAGE_COLUMNS =
  "m.tenant_id, m.id, m.wire, m.destination, m.method, m.headers, m.body, m.max_retries, m.options";

export interface MessageRow {
  readonly tenant_id: string;
  readonly id: string;
  readonly wire: WireName;
  readonly destination: string;
  readonly method: Method;
  readonly headers: HeaderMap | typeof SEALED;
  readonly body: Buffer;
  readonly max_retries: number;
  readonly options: MessageOptions | null;
}

/** What is stored of a message's content: JSON, bytes, and JSON or null. */
export interface StoredContent {
  readonly headers: string;
  readonly body: Buffer;
  readonly options: string | null;
}

const SEALED_HEADERS = JSON.stringify(SEALED);

/** Sealed by the tenant's key, or in clear when `key` is null. What filters look at stays in clear. */
export function storedContent(message: Message, key: DataKey | null): StoredContent {
  const { headers, body, options } = message;
  if (key === null) {
    return { headers: JSON.stringify(headers), body, options: optionsColumn(options) };
  }
  const { callback, failureCallback, ...searchable } = options;
  const named: SealedNames = {
    headers,
    ...(callback === undefined ? {} : { callback }),
    ...(failureCallback === undefined ? {} : { failureCallback }),
  };
  return {
    headers: SEALED_HEADERS,
    body: sealContent(key, placeOf(message.tenantId, message.id), named, body),
    options: optionsColumn(searchable),
  };
}

/** The tenants whose keys are needed to read the rows. */
export function tenantsOfSealed(
  rows: readonly Pick<MessageRow, "tenant_id" | "headers">[],
): readonly string[] {
  return rows.flatMap((row) => (row.headers === SEALED ? [row.tenant_id] : []));
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
    ...readContent(row, keys),
  };
}

function readContent(
  { tenant_id: tenantId, id, headers, body, options }: MessageRow,
  keys: DataKeys,
): Pick<Message, "headers" | "body" | "options"> {
  if (headers !== SEALED) return { headers, body, options: options ?? {} };
  const opened = openContent(keys.get(tenantId), placeOf(tenantId, id), body);
  const { headers: sealedHeaders, ...callbacks } = opened.named;
  return { headers: sealedHeaders, body: opened.body, options: { ...options, ...callbacks } };
}

function placeOf(tenantId: string, id: string) {
  return { kind: "message", tenantId, id } as const;
}

function optionsColumn(options: MessageOptions): string | null {
  const text = JSON.stringify(options);
  return text === "{}" ? null : text;
}
