import { randomBytes } from "node:crypto";

import { tenants } from "@omnistore/db/schema/tenants";
import { tokens } from "@omnistore/db/schema/tokens";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import type { SigningKeys } from "@omnistore/domain/tenant/tenant";

import type { Database } from "../database.ts";
import type { DatabaseClock } from "../database-clock.ts";
import type { Sealer } from "./seal.ts";
import { makeSigningKey } from "./signing-key.ts";
import { hashToken, makeToken } from "./token.ts";

/** A new tenant with its secrets, which cannot be read again later. */
export interface CreatedTenant {
  readonly id: string;
  readonly name: string;
  readonly token: string;
  /** Looks, and changes nothing. Contract 03 §9. */
  readonly readonlyToken: string;
  readonly signingKeys: SigningKeys;
}

/** Creates a tenant with a full token, a read-only one, and two signing keys. */
export async function createTenant(
  parts: { readonly db: Database; readonly sealer: Sealer; readonly clock: DatabaseClock },
  name: string,
): Promise<CreatedTenant> {
  const unixMs = Math.floor(parts.clock.nowMs());
  const id = makeUuidV7({ unixMs, random: randomBytes(10) });
  const token = makeToken(id, randomBytes(32));
  const readonlyToken = makeToken(id, randomBytes(32));
  const signingKeys = { current: makeSigningKey(), next: makeSigningKey() };
  const tokenRow = (tenantId: string, text: string) => ({
    tenantId,
    id: makeUuidV7({ unixMs, random: randomBytes(10) }),
    hash: hashToken(text),
  });
  await parts.db.transaction(async (tx) => {
    await tx.insert(tenants).values({
      tenantId: id,
      name,
      currentSigningKey: parts.sealer.seal(id, signingKeys.current),
      nextSigningKey: parts.sealer.seal(id, signingKeys.next),
    });
    await tx.insert(tokens).values([
      { ...tokenRow(id, token), role: "full", name: "default" },
      { ...tokenRow(id, readonlyToken), role: "readonly", name: "read-only" },
    ]);
  });
  return { id, name, token, readonlyToken, signingKeys };
}
