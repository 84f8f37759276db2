import { randomBytes } from "node:crypto";

import type { tokens } from "@omnistore/db/schema/tokens";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import type { Role } from "@omnistore/domain/tenant/tenant";

import { hashToken, makeToken, tokenPrefix } from "./token.ts";

/** A token's text, to be told once, and what is kept of it. `unixMs` is the database's time. */
export function newToken(
  tenantId: string,
  { name, role, expiresAt }: { name: string; role: Role; expiresAt?: Date | null | undefined },
  unixMs: number,
): { readonly text: string; readonly row: typeof tokens.$inferInsert } {
  const random = randomBytes(32);
  const text = makeToken(tenantId, random);
  const row = {
    tenantId,
    id: makeUuidV7({ unixMs: Math.floor(unixMs), random: randomBytes(10) }),
    hash: hashToken(text),
    prefix: tokenPrefix(random),
    role,
    name,
    expiresAt: expiresAt ?? null,
  };
  return { text, row };
}
