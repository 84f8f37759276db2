import { tenants } from "@omnistore/db/schema/tenants";
import type { SigningKeys } from "@omnistore/domain/tenant/tenant";
import { eq } from "drizzle-orm";

import type { Database } from "../database.ts";
import type { Sealer } from "./seal.ts";
import { makeSigningKey } from "./signing-key.ts";

/**
 * The announced key signs from now on, and a new one is announced: receivers that know both keep
 * verifying across one rotation. Rotations at once follow each other. Contract 02 §6, 03 §7.
 */
export function rotateSigningKeys(
  db: Database,
  sealer: Sealer,
  tenantId: string,
): Promise<SigningKeys> {
  return db.transaction(async (tx) => {
    const [row] = await tx
      .select({ next: tenants.nextSigningKey })
      .from(tenants)
      .where(eq(tenants.tenantId, tenantId))
      .for("update");
    if (row === undefined) throw new Error(`tenant ${tenantId} has no signing keys`);
    const next = makeSigningKey();
    await tx
      .update(tenants)
      .set({ currentSigningKey: row.next, nextSigningKey: sealer.seal(tenantId, next) })
      .where(eq(tenants.tenantId, tenantId));
    return { current: sealer.open(tenantId, row.next), next };
  });
}
