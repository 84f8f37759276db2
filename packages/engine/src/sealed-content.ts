import type { HeaderMap, Message, MessageOptions } from "@omnistore/domain/message/message";

import type { DataKey, Place } from "./data-key.ts";
import type { DataKeys } from "./vault.ts";

/** Stands in the place of headers that are sealed together with the body. */
export const SEALED = "sealed";

/** What is sealed with a body: nobody searches by it. Answers have headers only. */
export interface SealedNames extends Pick<MessageOptions, "callback" | "failureCallback"> {
  readonly headers: HeaderMap;
}

const LENGTH_BYTES = 4;

/** What is known by name and a body, sealed as one. Layout: length of the JSON (4 bytes), JSON, body. */
export function sealContent(key: DataKey, place: Place, named: SealedNames, body: Buffer): Buffer {
  const text = JSON.stringify(named);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(Buffer.byteLength(text));
  return key.seal(place, length, text, body);
}

/** Throws when the key is not there, or the content was changed or moved. */
export function openContent(
  key: DataKey | undefined,
  place: Place,
  sealed: Buffer,
): { readonly named: SealedNames; readonly body: Buffer } {
  if (key === undefined) throw new Error(`the key of tenant ${place.tenantId} is not there`);
  const content = key.open(place, sealed);
  const start = LENGTH_BYTES + content.readUInt32BE(0);
  return {
    named: sealedBefore(content.toString("utf8", LENGTH_BYTES, start)),
    body: content.subarray(start),
  };
}

/** Authenticated: it is what `sealContent` was given for this place. */
function sealedBefore(text: string): SealedNames {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return JSON.parse(text) as SealedNames;
}

/** What a publisher sent, of a message or of a schedule's messages. */
type Content = Pick<Message, "headers" | "body" | "options">;

/** The same as columns. */
export interface ContentColumns {
  readonly headers: HeaderMap | typeof SEALED;
  readonly body: Buffer;
  /** Null when everything that may be left out was. */
  readonly options: MessageOptions | null;
}

/** Sealed by the tenant's key, or in clear when `key` is null. What filters look at stays in clear. */
export function toColumns(content: Content, place: Place, key: DataKey | null): ContentColumns {
  const { headers, body, options } = content;
  if (key === null) return { headers, body, options: orNull(options) };
  const { callback, failureCallback, ...searchable } = options;
  const named: SealedNames = {
    headers,
    ...(callback === undefined ? {} : { callback }),
    ...(failureCallback === undefined ? {} : { failureCallback }),
  };
  return {
    headers: SEALED,
    body: sealContent(key, place, named, body),
    options: orNull(searchable),
  };
}

/** Throws when it is sealed and cannot be opened. */
export function fromColumns(columns: ContentColumns, place: Place, keys: DataKeys): Content {
  const { headers, body, options } = columns;
  if (headers !== SEALED) return { headers, body, options: options ?? {} };
  const opened = openContent(keys.get(place.tenantId), place, body);
  const { headers: sealedHeaders, ...callbacks } = opened.named;
  return { headers: sealedHeaders, body: opened.body, options: { ...options, ...callbacks } };
}

/** The tenants whose keys are needed to read the rows. */
export function tenantsOfSealed(
  rows: readonly { readonly tenant_id: string; readonly headers: ContentColumns["headers"] }[],
): readonly string[] {
  return rows.flatMap((row) => (row.headers === SEALED ? [row.tenant_id] : []));
}

function orNull(options: MessageOptions): MessageOptions | null {
  return Object.keys(options).length === 0 ? null : options;
}
