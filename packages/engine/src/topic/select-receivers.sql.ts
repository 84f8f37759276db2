import type { Queryable } from "@omnistore/db/client";
import type { HeaderMap } from "@omnistore/domain/message/message";
import type { Endpoint } from "@omnistore/domain/topic/topic";

/** One topic among those of all tenants. */
export interface TopicKey {
  readonly tenantId: string;
  readonly name: string;
}

/** Whom a topic means, and the columns of what it says of messages that do not say it themselves. */
export interface TopicReceivers {
  readonly endpoints: readonly Endpoint[];
  readonly headers: HeaderMap;
  readonly sealedHeaders: Buffer | null;
}

/** Two look-ups by primary key for each topic, in one round trip. */
const SELECT_RECEIVERS = `
SELECT coalesce(t.headers, '{}') AS headers, t.sealed_headers AS "sealedHeaders", (
  SELECT coalesce(json_agg(json_strip_nulls(json_build_object('url', e.url, 'name', e.name))
    ORDER BY e.position), '[]')
  FROM topic_endpoints e WHERE e.tenant_id = k.tenant_id AND e.topic_name = k.name
) AS endpoints
FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS k (tenant_id, name, place)
LEFT JOIN topics t ON t.tenant_id = k.tenant_id AND t.name = k.name
ORDER BY k.place`;

/** Of each topic, in the order of the keys; no endpoints for one that does not exist. */
export async function selectReceivers(
  db: Queryable,
  keys: readonly TopicKey[],
): Promise<readonly TopicReceivers[]> {
  const { rows } = await db.query<TopicReceivers>(SELECT_RECEIVERS, [
    keys.map(({ tenantId }) => tenantId),
    keys.map(({ name }) => name),
  ]);
  return rows;
}
