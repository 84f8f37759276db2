import { randomBytes } from "node:crypto";

import { tenants } from "@omnistore/db/schema/tenants";
import { tokens } from "@omnistore/db/schema/tokens";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import type { CreatedTenant } from "@omnistore/domain/tenant/administration";
import type { PlanName } from "@omnistore/domain/tenant/plans";

import type { Database } from "../database.ts";
import { DataKey } from "../data-key.ts";
import type { DatabaseClock } from "../database-clock.ts";
import type { Vault } from "../vault.ts";
import { newToken } from "./new-token.ts";
import { sealSigningKey } from "./sealed-signing-key.ts";
import { makeSigningKey } from "./signing-key.ts";

/** Creates a tenant with a data key, a full token, a read-only one, and two signing keys. */
export async function createTenant(
  parts: { readonly db: Database; readonly vault: Vault; readonly clock: DatabaseClock },
  name: string,
  plan: PlanName = "pay-as-you-go",
): Promise<CreatedTenant> {
  const unixMs = Math.floor(parts.clock.nowMs());
  const id = makeUuidV7({ unixMs, random: randomBytes(10) });
  const full = newToken(id, { name: "default", role: "full" }, unixMs);
  const readonly = newToken(id, { name: "read-only", role: "readonly" }, unixMs);
  const { bytes, ...wrapped } = parts.vault.masterKeys.makeDataKey(id);
  const key = new DataKey(bytes);
  const signingKeys = { current: makeSigningKey(), next: makeSigningKey() };
  await parts.db.transaction(async (tx) => {
    await tx.insert(tenants).values({
      tenantId: id,
      name,
      plan,
      ...wrapped,
      currentSigningKey: sealSigningKey(key, id, signingKeys.current),
      nextSigningKey: sealSigningKey(key, id, signingKeys.next),
    });
    await tx.insert(tokens).values([full.row, readonly.row]);
  });
  return { id, name, plan, token: full.text, readonlyToken: readonly.text, signingKeys };
}
