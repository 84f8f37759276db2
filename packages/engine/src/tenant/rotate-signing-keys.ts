import { tenants } from "@omnistore/db/schema/tenants";
import type { SigningKeys } from "@omnistore/domain/tenant/tenant";
import { eq } from "drizzle-orm";

import type { Database } from "../database.ts";
import type { Vault } from "../vault.ts";
import { openSigningKey, sealSigningKey } from "./sealed-signing-key.ts";
import { makeSigningKey } from "./signing-key.ts";

/**
 * The announced key signs from now on, and a new one is announced: receivers that know both keep
 * verifying across one rotation. Rotations at once follow each other. Contract 02 §6, 03 §7.
 */
export async function rotateSigningKeys(
  db: Database,
  vault: Vault,
  tenantId: string,
): Promise<SigningKeys> {
  // Before the transaction, which holds the row that a key may have to be written to.
  const key = await vault.keyOf(tenantId);
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
      .set({ currentSigningKey: row.next, nextSigningKey: sealSigningKey(key, tenantId, next) })
      .where(eq(tenants.tenantId, tenantId));
    return { current: await openSigningKey(vault, tenantId, row.next), next };
  });
}
