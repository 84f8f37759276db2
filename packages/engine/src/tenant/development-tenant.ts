import { tenants } from "@omnistore/db/schema/tenants";
import { tokens } from "@omnistore/db/schema/tokens";

import type { Database } from "../database.ts";
import { DEVELOPMENT_TENANTS, type DevelopmentTenant } from "./development-credentials.ts";
import type { Sealer } from "./seal.ts";
import { hashToken } from "./token.ts";

/** Makes the tenants of development mode; does nothing with those that are there. Contract 05 §4. */
export async function ensureDevelopmentTenants(db: Database, sealer: Sealer): Promise<void> {
  for (const tenant of DEVELOPMENT_TENANTS) await ensureTenant(db, sealer, tenant);
}

async function ensureTenant(
  db: Database,
  sealer: Sealer,
  { tenantId, name, token, currentSigningKey, nextSigningKey }: DevelopmentTenant,
): Promise<void> {
  const keys = {
    currentSigningKey: sealer.seal(tenantId, currentSigningKey),
    nextSigningKey: sealer.seal(tenantId, nextSigningKey),
  };
  await db
    .insert(tenants)
    .values({ tenantId, name, plan: "development", ...keys })
    .onConflictDoUpdate({ target: tenants.tenantId, set: { plan: "development", ...keys } });
  await db
    .insert(tokens)
    .values({ tenantId, id: tenantId, hash: hashToken(token), role: "full", name })
    .onConflictDoNothing();
}
