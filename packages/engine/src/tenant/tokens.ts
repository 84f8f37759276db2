import { tenants } from "@omnistore/db/schema/tenants";
import { tokens } from "@omnistore/db/schema/tokens";
import { isUuid } from "@omnistore/domain/message/message-id";
import type {
  IssuedToken,
  NewToken,
  TokenOperations,
  TokenSummary,
} from "@omnistore/domain/tenant/administration";
import { and, asc, eq, gt, isNull, or, sql } from "drizzle-orm";

import type { Database } from "../database.ts";
import type { DatabaseClock } from "../database-clock.ts";
import type { TenantScopes } from "../tenant-scope.ts";
import { orUnavailable } from "../unavailable.ts";
import { newToken } from "./new-token.ts";

export interface TokenParts {
  readonly scopeOf: TenantScopes;
  readonly clock: DatabaseClock;
  /** Called when what processes remember of tokens may be wrong. */
  readonly onCredentialsChanged: () => void;
}

/** The tokens of a tenant. */
export function createTokenOperations(parts: TokenParts): TokenOperations {
  return {
    createToken: (tenantId, token) => orUnavailable(createToken(parts, tenantId, token)),
    listTokens: (tenantId) => orUnavailable(listTokens(parts.scopeOf(tenantId).db, tenantId)),
    async revokeToken(tenantId, tokenId) {
      const revoked = await orUnavailable(
        revokeToken(parts.scopeOf(tenantId).db, tenantId, tokenId),
      );
      if (revoked) parts.onCredentialsChanged();
      return revoked;
    },
    async rotateToken(tenantId, tokenId, overlapMs) {
      const issued = await orUnavailable(rotateToken(parts, tenantId, tokenId, overlapMs));
      if (issued !== null) parts.onCredentialsChanged();
      return issued;
    },
  };
}

async function createToken(
  { scopeOf, clock }: TokenParts,
  tenantId: string,
  { name, role, expiresAt }: NewToken,
): Promise<IssuedToken | null> {
  if (!isUuid(tenantId)) return null;
  const expires = expiresAt === undefined ? null : new Date(expiresAt);
  const made = newToken(tenantId, { name, role, expiresAt: expires }, clock.nowMs());
  return scopeOf(tenantId).db.transaction(async (tx) => {
    // Shared with other changes, so that a deletion that has begun finds the token or refuses it.
    const [tenant] = await tx
      .select({ id: tenants.tenantId })
      .from(tenants)
      .where(and(eq(tenants.tenantId, tenantId), isNull(tenants.deletionAskedAt)))
      .for("share");
    if (tenant === undefined) return null;
    await tx.insert(tokens).values(made.row);
    return { id: made.row.id, token: made.text };
  });
}

async function listTokens(db: Database, tenantId: string): Promise<readonly TokenSummary[]> {
  if (!isUuid(tenantId)) return [];
  const rows = await db
    .select()
    .from(tokens)
    .where(eq(tokens.tenantId, tenantId))
    .orderBy(asc(tokens.createdAt), asc(tokens.id));
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    role: row.role,
    prefix: row.prefix,
    createdAt: row.createdAt.getTime(),
    lastUsedAt: row.lastUsedAt?.getTime() ?? null,
    expiresAt: row.expiresAt?.getTime() ?? null,
  }));
}

async function revokeToken(db: Database, tenantId: string, tokenId: string): Promise<boolean> {
  if (!isUuid(tenantId) || !isUuid(tokenId)) return false;
  const { rowCount } = await db.delete(tokens).where(named(tenantId, tokenId));
  return rowCount === 1;
}

async function rotateToken(
  { scopeOf, clock }: TokenParts,
  tenantId: string,
  tokenId: string,
  overlapMs: number,
): Promise<IssuedToken | null> {
  if (!isUuid(tenantId) || !isUuid(tokenId)) return null;
  return scopeOf(tenantId).db.transaction(async (tx) => {
    const end = sql`now() + ${overlapMs}::float8 * interval '1 ms'`;
    const isValid = or(isNull(tokens.expiresAt), gt(tokens.expiresAt, sql`now()`));
    const [old] = await tx
      .select({ name: tokens.name, role: tokens.role, expiresAt: tokens.expiresAt })
      .from(tokens)
      .where(and(named(tenantId, tokenId), isValid))
      .for("update");
    if (old === undefined) return null;
    await tx
      .update(tokens)
      .set({ expiresAt: sql`least(${tokens.expiresAt}, ${end})` })
      .where(named(tenantId, tokenId));
    const made = newToken(tenantId, old, clock.nowMs());
    await tx.insert(tokens).values(made.row);
    return { id: made.row.id, token: made.text };
  });
}

function named(tenantId: string, tokenId: string) {
  return and(eq(tokens.tenantId, tenantId), eq(tokens.id, tokenId));
}
