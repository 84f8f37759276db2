import type { Pool } from "@omnistore/db/client";

import type { LeasedDelivery } from "../leased-delivery.ts";

/**
 * Puts leased deliveries of tenants that have enough slow attempts aside, out of the index of ready
 * ones: however many they are, they cost the claims of other tenants nothing while they wait. None
 * that has a flow-control key: those are counted at their gate. Who has passed a queue keeps its place in it.
 */
export async function parkDeliveries(pool: Pool, leased: readonly LeasedDelivery[]): Promise<void> {
  await pool.query(
    `UPDATE deliveries d
     SET owner = NULL, leased_at = NULL, gate = 3, position = nextval('delivery_positions')
     FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS l (tenant_id, message_id, owner)
     WHERE d.tenant_id = l.tenant_id AND d.message_id = l.message_id AND d.owner = l.owner`,
    [
      leased.map(({ tenantId }) => tenantId),
      leased.map(({ messageId }) => messageId),
      leased.map(({ owner }) => owner),
    ],
  );
}
