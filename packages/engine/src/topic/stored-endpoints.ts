import { topicEndpoints } from "@omnistore/db/schema/topics";
import type { Endpoint } from "@omnistore/domain/topic/topic";
import { and, asc, eq } from "drizzle-orm";

import type { Database } from "../database.ts";

/** The endpoints of a topic, in order. */
export async function loadEndpoints(
  db: Pick<Database, "select">,
  tenantId: string,
  topicName: string,
): Promise<readonly Endpoint[]> {
  const rows = await db
    .select({ url: topicEndpoints.url, name: topicEndpoints.name })
    .from(topicEndpoints)
    .where(ofTopic(tenantId, topicName))
    .orderBy(asc(topicEndpoints.position));
  return rows.map(({ url, name }) => (name === null ? { url } : { url, name }));
}

/** Writes the endpoints of a topic whose row the caller has locked, in place of those it had. */
export async function replaceEndpoints(
  db: Pick<Database, "delete" | "insert">,
  tenantId: string,
  topicName: string,
  endpoints: readonly Endpoint[],
): Promise<void> {
  await db.delete(topicEndpoints).where(ofTopic(tenantId, topicName));
  await db
    .insert(topicEndpoints)
    .values(
      endpoints.map(({ url, name }, position) => ({ tenantId, topicName, position, url, name })),
    );
}

function ofTopic(tenantId: string, topicName: string) {
  return and(eq(topicEndpoints.tenantId, tenantId), eq(topicEndpoints.topicName, topicName));
}
