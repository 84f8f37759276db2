import type { HeaderMap } from "@omnistore/domain/message/message";

import type { DataKey, Place } from "../data-key.ts";
import { openContent, sealContent } from "../sealed-content.ts";
import type { DataKeys } from "../vault.ts";

/** The default headers of a topic as columns: one of the two holds them. */
interface HeaderColumns {
  readonly headers: HeaderMap;
  readonly sealedHeaders: Buffer | null;
}

interface TopicName {
  readonly tenantId: string;
  readonly name: string;
}

const NO_BODY = Buffer.alloc(0);

/** Sealed by the tenant's key, or in clear when `key` is null. */
export function sealHeaders(headers: HeaderMap, of: TopicName, key: DataKey | null): HeaderColumns {
  if (key === null) return { headers, sealedHeaders: null };
  return { headers: {}, sealedHeaders: sealContent(key, placeOf(of), { headers }, NO_BODY) };
}

/** Throws when they are sealed and cannot be opened. */
export function openHeaders(
  { headers, sealedHeaders }: HeaderColumns,
  of: TopicName,
  keys: DataKeys,
): HeaderMap {
  if (sealedHeaders === null) return headers;
  return openContent(keys.get(of.tenantId), placeOf(of), sealedHeaders).named.headers;
}

function placeOf({ tenantId, name }: TopicName): Place {
  return { kind: "topic", tenantId, id: name };
}
