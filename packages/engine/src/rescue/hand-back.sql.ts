import type { Pool } from "@omnistore/db/client";

import { BACK_TO_THE_QUEUE, gatesOf, markGates } from "../mark-gates.ts";
import type { LeasedDelivery } from "../leased-delivery.ts";

/** Gives leased deliveries that were not ended back to everybody. */
export async function handBack(pool: Pool, leased: readonly LeasedDelivery[]): Promise<void> {
  await pool.query(
    `WITH released AS (
       UPDATE deliveries d SET ${BACK_TO_THE_QUEUE}
       FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS l (tenant_id, message_id, owner)
       WHERE d.tenant_id = l.tenant_id AND d.message_id = l.message_id AND d.owner = l.owner
       RETURNING d.tenant_id, d.queue, d.flow_key
     ), ${markGates(gatesOf("released"))}
     SELECT FROM released`,
    [
      leased.map(({ tenantId }) => tenantId),
      leased.map(({ messageId }) => messageId),
      leased.map(({ owner }) => owner),
    ],
  );
}
