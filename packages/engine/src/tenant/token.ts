import { hash } from "node:crypto";

import { isUuid } from "@omnistore/domain/message/message-id";

import { developmentTenantOf } from "./development-credentials.ts";

/** Marks our tokens, once decoded, for secret scanners. */
const SECRET_PREFIX = "omnistore_";

/**
 * A bearer token: standard base64 of JSON that names the tenant, as the official SDKs expect
 * (Contract 00 §2), with 256 random bits.
 */
export function makeToken(tenantId: string, random: Buffer): string {
  const claims = { UserID: tenantId, Password: SECRET_PREFIX + random.toString("base64url") };
  return Buffer.from(JSON.stringify(claims)).toString("base64");
}

/** Characters of a secret that may be shown: 36 of its 256 bits. */
const SHOWN = 6;

/** How the secret inside a token of `makeToken` begins, to recognise it by. */
export function tokenPrefix(random: Buffer): string {
  return SECRET_PREFIX + random.toString("base64url").slice(0, SHOWN);
}

/** The tenant that a token says it belongs to, unproven; null when it is not a token of ours. */
export function claimedTenantId(token: string): string | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token, "base64").toString("utf8"));
    const user =
      typeof claims === "object" && claims !== null && "UserID" in claims ? claims.UserID : null;
    const development = developmentTenantOf(user);
    if (development !== undefined) return development.tenantId;
    return typeof user === "string" && isUuid(user) ? user : null;
  } catch {
    return null;
  }
}

/** What the database keeps of a token. */
export function hashToken(token: string): Buffer {
  return hash("sha256", token, "buffer");
}
