import type { Queryable } from "@omnistore/db/client";
import type { Endpoint } from "@omnistore/domain/topic/topic";

/** One topic among those of all tenants. */
export interface TopicKey {
  readonly tenantId: string;
  readonly name: string;
}

/** One look-up by primary key for each topic, in one round trip. */
const SELECT_ENDPOINTS = `
SELECT k.place::int, (
  SELECT coalesce(json_agg(json_strip_nulls(json_build_object('url', e.url, 'name', e.name))
    ORDER BY e.position), '[]')
  FROM topic_endpoints e WHERE e.tenant_id = k.tenant_id AND e.topic_name = k.name
) AS endpoints
FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS k (tenant_id, name, place)
ORDER BY k.place`;

/** The endpoints of each topic, in the order of the keys; none for a topic that does not exist. */
export async function selectEndpoints(
  db: Queryable,
  keys: readonly TopicKey[],
): Promise<readonly (readonly Endpoint[])[]> {
  const { rows } = await db.query<{ endpoints: readonly Endpoint[] }>(SELECT_ENDPOINTS, [
    keys.map(({ tenantId }) => tenantId),
    keys.map(({ name }) => name),
  ]);
  return rows.map(({ endpoints }) => endpoints);
}
