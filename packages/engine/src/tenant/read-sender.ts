import { tenants } from "@omnistore/db/schema/tenants";
import { planOf, type Plan } from "@omnistore/domain/tenant/plans";
import type { SigningKeys } from "@omnistore/domain/tenant/tenant";
import { eq } from "drizzle-orm";

import type { TenantScopes } from "../tenant-scope.ts";
import type { Vault } from "../vault.ts";
import { openSigningKey } from "./sealed-signing-key.ts";

/** What has to be known of a tenant to deliver in its name. */
export interface Sender {
  readonly signingKeys: SigningKeys;
  readonly plan: Plan;
}

/** Throws when the tenant is gone or its keys cannot be opened. */
export async function readSender(
  scopeOf: TenantScopes,
  vault: Vault,
  tenantId: string,
): Promise<Sender> {
  const [row] = await scopeOf(tenantId)
    .db.select({
      current: tenants.currentSigningKey,
      next: tenants.nextSigningKey,
      dataKey: tenants.dataKey,
      encryptionKeyId: tenants.encryptionKeyId,
      plan: tenants.plan,
      limits: tenants.limits,
    })
    .from(tenants)
    .where(eq(tenants.tenantId, tenantId));
  if (row === undefined) throw new Error(`tenant ${tenantId} has no signing keys`);
  vault.learn(tenantId, row.dataKey, row.encryptionKeyId);
  return {
    signingKeys: {
      current: await openSigningKey(vault, tenantId, row.current),
      next: await openSigningKey(vault, tenantId, row.next),
    },
    plan: planOf(row.plan, row.limits),
  };
}
