import { topics } from "@omnistore/db/schema/topics";
import type { PlanLimits } from "@omnistore/domain/tenant/plans";
import { addEndpoints as withAdded } from "@omnistore/domain/topic/endpoints";
import type { AddEndpointsOutcome, Endpoint } from "@omnistore/domain/topic/topic";
import { eq, sql } from "drizzle-orm";

import type { Database } from "../database.ts";
import { holdTenant } from "../hold-tenant.ts";
import { loadEndpoints, replaceEndpoints } from "./stored-endpoints.ts";

/**
 * Adds endpoints to a topic, which is created when there is none of that name. Nothing is added
 * when a limit would be passed, or a URL be called twice. Contract 03 §4.
 */
export async function addEndpoints(
  db: Database,
  tenantId: string,
  name: string,
  added: readonly Endpoint[],
  limits: Pick<PlanLimits, "topics" | "endpointsPerTopic">,
): Promise<AddEndpointsOutcome> {
  try {
    await db.transaction(async (tx) => {
      await holdTenant(tx, tenantId);
      // Locks the topic, new or not: changes to one topic take turns.
      await tx
        .insert(topics)
        .values({ tenantId, name })
        .onConflictDoUpdate({
          target: [topics.tenantId, topics.name],
          set: { updatedAt: sql`now()` },
        });
      const existing = await loadEndpoints(tx, tenantId, name);
      const addition = withAdded(existing, added);
      if (addition.kind === "doubled-url") throw new Refused(addition);
      const { endpoints } = addition;
      if (endpoints.length > limits.endpointsPerTopic) {
        throw new Refused({ kind: "too-many-endpoints", count: endpoints.length });
      }
      const isNew = existing.length === 0;
      if (isNew && (await tx.$count(topics, eq(topics.tenantId, tenantId))) > limits.topics) {
        throw new Refused({ kind: "too-many-topics" });
      }
      await replaceEndpoints(tx, tenantId, name, endpoints);
    });
    return { kind: "added" };
  } catch (error) {
    if (error instanceof Refused) return error.outcome;
    throw error;
  }
}

/** Rolls the transaction back. */
class Refused extends Error {
  override readonly name = "Refused";
  readonly outcome: AddEndpointsOutcome;

  constructor(outcome: AddEndpointsOutcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}
