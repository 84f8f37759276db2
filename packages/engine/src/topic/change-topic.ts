import { topics } from "@omnistore/db/schema/topics";
import type { HeaderMap } from "@omnistore/domain/message/message";
import {
  type EndpointPattern,
  removeEndpoints as without,
} from "@omnistore/domain/topic/endpoints";
import { and, eq, sql } from "drizzle-orm";

import type { Database } from "../database.ts";
import type { Vault } from "../vault.ts";
import { sealHeaders } from "./sealed-headers.ts";
import { loadEndpoints, replaceEndpoints } from "./stored-endpoints.ts";

function named(tenantId: string, name: string) {
  return and(eq(topics.tenantId, tenantId), eq(topics.name, name));
}

/** Removes endpoints; with the last one goes the topic. False when there is none of that name. */
export async function removeEndpoints(
  db: Database,
  tenantId: string,
  name: string,
  removed: readonly EndpointPattern[],
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const { rowCount } = await tx
      .update(topics)
      .set({ updatedAt: sql`now()` })
      .where(named(tenantId, name));
    if (rowCount === 0) return false;
    const left = without(await loadEndpoints(tx, tenantId, name), removed);
    if (left.length > 0) await replaceEndpoints(tx, tenantId, name, left);
    else await tx.delete(topics).where(named(tenantId, name));
    return true;
  });
}

/** False when there is none of that name. Messages that were sent to it go on. */
export async function deleteTopic(db: Database, tenantId: string, name: string): Promise<boolean> {
  const { rowCount } = await db.delete(topics).where(named(tenantId, name));
  return rowCount === 1;
}

/** The new headers take the place of the old ones, all of them. False when there is no such topic. */
export async function setTopicHeaders(
  { db, vault }: { readonly db: Database; readonly vault: Vault },
  tenantId: string,
  name: string,
  headers: HeaderMap,
): Promise<boolean> {
  const { rowCount } = await db
    .update(topics)
    .set({
      ...sealHeaders(headers, { tenantId, name }, await vault.sealingKey(tenantId)),
      updatedAt: sql`now()`,
    })
    .where(named(tenantId, name));
  return rowCount === 1;
}
