import { randomBytes } from "node:crypto";

import { tenants } from "@omnistore/db/schema/tenants";
import { tokens } from "@omnistore/db/schema/tokens";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import type { CreatedTenant } from "@omnistore/domain/tenant/administration";
import type { PlanName } from "@omnistore/domain/tenant/plans";

import type { Database } from "../database.ts";
import type { DatabaseClock } from "../database-clock.ts";
import { newToken } from "./new-token.ts";
import type { Sealer } from "./seal.ts";
import { makeSigningKey } from "./signing-key.ts";

/** Creates a tenant with a full token, a read-only one, and two signing keys. */
export async function createTenant(
  parts: { readonly db: Database; readonly sealer: Sealer; readonly clock: DatabaseClock },
  name: string,
  plan: PlanName = "pay-as-you-go",
): Promise<CreatedTenant> {
  const unixMs = Math.floor(parts.clock.nowMs());
  const id = makeUuidV7({ unixMs, random: randomBytes(10) });
  const full = newToken(id, { name: "default", role: "full" }, unixMs);
  const readonly = newToken(id, { name: "read-only", role: "readonly" }, unixMs);
  const signingKeys = { current: makeSigningKey(), next: makeSigningKey() };
  await parts.db.transaction(async (tx) => {
    await tx.insert(tenants).values({
      tenantId: id,
      name,
      plan,
      currentSigningKey: parts.sealer.seal(id, signingKeys.current),
      nextSigningKey: parts.sealer.seal(id, signingKeys.next),
    });
    await tx.insert(tokens).values([full.row, readonly.row]);
  });
  return { id, name, plan, token: full.text, readonlyToken: readonly.text, signingKeys };
}
