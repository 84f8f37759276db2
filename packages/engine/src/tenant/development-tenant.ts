import { tenants } from "@omnistore/db/schema/tenants";
import { tokens } from "@omnistore/db/schema/tokens";

import type { Database } from "../database.ts";
import { DEVELOPMENT_CREDENTIALS, DEVELOPMENT_TENANT_ID } from "./development-credentials.ts";
import type { Sealer } from "./seal.ts";
import { hashToken } from "./token.ts";

/** Makes the tenant that the official SDKs use in development mode; does nothing when it is there. */
export async function ensureDevelopmentTenant(db: Database, sealer: Sealer): Promise<void> {
  const tenantId = DEVELOPMENT_TENANT_ID;
  const keys = {
    currentSigningKey: sealer.seal(tenantId, DEVELOPMENT_CREDENTIALS.currentSigningKey),
    nextSigningKey: sealer.seal(tenantId, DEVELOPMENT_CREDENTIALS.nextSigningKey),
  };
  await db
    .insert(tenants)
    .values({ tenantId, name: "development", plan: "development", ...keys })
    .onConflictDoUpdate({ target: tenants.tenantId, set: { plan: "development", ...keys } });
  await db
    .insert(tokens)
    .values({
      tenantId,
      id: tenantId,
      hash: hashToken(DEVELOPMENT_CREDENTIALS.token),
      role: "full",
      name: "development",
    })
    .onConflictDoNothing();
}
