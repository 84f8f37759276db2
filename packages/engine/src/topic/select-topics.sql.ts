import type { Queryable } from "@omnistore/db/client";
import type { HeaderMap } from "@omnistore/domain/message/message";
import type { Endpoint, Topic } from "@omnistore/domain/topic/topic";

import type { Vault } from "../vault.ts";
import { openHeaders } from "./sealed-headers.ts";

interface TopicRow {
  readonly name: string;
  readonly headers: HeaderMap;
  readonly sealed_headers: Buffer | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly endpoints: readonly Endpoint[];
}

/** On the path of every message to a topic: two look-ups by primary key in one round trip. */
const SELECT_TOPICS = `
SELECT t.name, t.headers, t.sealed_headers, t.created_at, t.updated_at, (
  SELECT coalesce(json_agg(json_strip_nulls(json_build_object('url', e.url, 'name', e.name))
    ORDER BY e.position), '[]')
  FROM topic_endpoints e WHERE e.tenant_id = t.tenant_id AND e.topic_name = t.name
) AS endpoints
FROM topics t WHERE t.tenant_id = $1 AND ($2::text IS NULL OR t.name = $2)
ORDER BY t.created_at, t.name`;

/** The tenant's topics, oldest first; only the one of that name when `name` is not null. */
export async function selectTopics(
  db: Queryable,
  vault: Vault,
  tenantId: string,
  name: string | null,
): Promise<readonly Topic[]> {
  const { rows } = await db.query<TopicRow>(SELECT_TOPICS, [tenantId, name]);
  const anySealed = rows.some((row) => row.sealed_headers !== null);
  const keys = await vault.keysOf(anySealed ? [tenantId] : []);
  return rows.map((row) => ({
    name: row.name,
    endpoints: row.endpoints,
    headers: openHeaders(
      { headers: row.headers, sealedHeaders: row.sealed_headers },
      { tenantId, name: row.name },
      keys,
    ),
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  }));
}
