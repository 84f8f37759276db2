import { tenants } from "@omnistore/db/schema/tenants";
import { tokens } from "@omnistore/db/schema/tokens";
import { eq } from "drizzle-orm";

import type { Database } from "../database.ts";
import type { Vault } from "../vault.ts";
import { DEVELOPMENT_TENANTS, type DevelopmentTenant } from "./development-credentials.ts";
import { sealSigningKey } from "./sealed-signing-key.ts";
import { hashToken } from "./token.ts";

/** Makes the tenants of development mode; does nothing with those that are there. Contract 05 §4. */
export async function ensureDevelopmentTenants(db: Database, vault: Vault): Promise<void> {
  for (const tenant of DEVELOPMENT_TENANTS) await ensureTenant(db, vault, tenant);
}

async function ensureTenant(
  db: Database,
  vault: Vault,
  { tenantId, name, token, currentSigningKey, nextSigningKey }: DevelopmentTenant,
): Promise<void> {
  const { dataKey, encryptionKeyId } = vault.masterKeys.makeDataKey(tenantId);
  const nothing = Buffer.alloc(0);
  const row = { tenantId, name, dataKey, encryptionKeyId };
  await db
    .insert(tenants)
    .values({ ...row, currentSigningKey: nothing, nextSigningKey: nothing })
    .onConflictDoNothing();
  const key = await vault.keyOf(tenantId);
  const keys = {
    currentSigningKey: sealSigningKey(key, tenantId, currentSigningKey),
    nextSigningKey: sealSigningKey(key, tenantId, nextSigningKey),
  };
  await db
    .update(tenants)
    .set({ plan: "development", ...keys })
    .where(eq(tenants.tenantId, tenantId));
  await db
    .insert(tokens)
    .values({ tenantId, id: tenantId, hash: hashToken(token), role: "full", name })
    .onConflictDoNothing();
}
