import type { Queryable } from "@omnistore/db/client";
import type { HeaderMap } from "@omnistore/domain/message/message";
import type { Endpoint, Topic } from "@omnistore/domain/topic/topic";

import type { ListPage } from "../in-pages.ts";
import { madePosition, oldestFirst, type MadePosition, type MadeRow } from "../oldest-first.sql.ts";
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
const withEndpoints = (topics: string, more = "") => `
SELECT ${more} t.name, t.headers, t.sealed_headers, t.created_at, t.updated_at, (
  SELECT coalesce(json_agg(json_strip_nulls(json_build_object('url', e.url, 'name', e.name))
    ORDER BY e.position), '[]')
  FROM topic_endpoints e WHERE e.tenant_id = t.tenant_id AND e.topic_name = t.name
) AS endpoints
FROM (${topics}) AS t
ORDER BY t.created_at, t.name`;

const SELECT_ONE = withEndpoints("SELECT * FROM topics WHERE tenant_id = $1 AND name = $2");
const ENDPOINT_BYTES = `(SELECT coalesce(sum(octet_length(e.url)), 0) FROM topic_endpoints e
  WHERE e.tenant_id = topics.tenant_id AND e.topic_name = topics.name)`;
const SELECT_PAGE = withEndpoints(
  oldestFirst(
    "topics",
    "name",
    `pg_column_size(headers) + coalesce(octet_length(sealed_headers), 0) + ${ENDPOINT_BYTES}`,
  ),
  "t.made_at, t.made_name, t.found,",
);

/** The tenant's topic of that name, or null. */
export async function getTopic(
  db: Queryable,
  vault: Vault,
  tenantId: string,
  name: string,
): Promise<Topic | null> {
  const { rows } = await db.query<TopicRow>(SELECT_ONE, [tenantId, name]);
  const [topic] = await readTopics(rows, vault, tenantId);
  return topic ?? null;
}

/** The tenant's topics behind a position, oldest first. */
export async function pageOfTopics(
  db: Queryable,
  vault: Vault,
  tenantId: string,
  after: MadePosition | null,
): Promise<ListPage<Topic, MadePosition>> {
  const parameters = [tenantId, after?.madeAt ?? null, after?.name ?? null];
  const { rows } = await db.query<TopicRow & MadeRow>(SELECT_PAGE, parameters);
  return { items: await readTopics(rows, vault, tenantId), next: madePosition(rows) };
}

async function readTopics(
  rows: readonly TopicRow[],
  vault: Vault,
  tenantId: string,
): Promise<readonly Topic[]> {
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
