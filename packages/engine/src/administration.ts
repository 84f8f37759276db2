import type { Pool } from "@omnistore/db/client";
import { tenants } from "@omnistore/db/schema/tenants";
import type { PageOutcome } from "@omnistore/domain/history/log-event";
import { isUuid } from "@omnistore/domain/message/message-id";
import type { Tenant, TenantAdministration } from "@omnistore/domain/tenant/administration";
import { planOf, type LimitOverrides, type PlanName } from "@omnistore/domain/tenant/plans";
import { and, asc, eq, gt, isNull, sql } from "drizzle-orm";

import { selectUsage } from "./usage/select-usage.sql.ts";
import { createAudit } from "./audit/audit.ts";
import type { Database } from "./database.ts";
import { decodeIdCursor, encodeIdCursor } from "./id-cursor.ts";
import { orUnavailable } from "./unavailable.ts";
import { createTenant } from "./tenant/create-tenant.ts";
import { stopSending } from "./tenant/delete-tenants.sql.ts";
import { standingOf } from "./tenant/standing.ts";
import { createTokenOperations, type TokenParts } from "./tenant/tokens.ts";
import type { Vault } from "./vault.ts";

export interface AdministrationParts extends TokenParts {
  readonly pool: Pool;
  readonly db: Database;
  readonly vault: Vault;
  /** Of tenants that are created without naming one. */
  readonly defaultPlan: PlanName;
}

/** What an operator may ask, each answered by the statement that does it. */
export function createAdministration(parts: AdministrationParts): TenantAdministration {
  const { scopeOf, clock, db, onCredentialsChanged } = parts;
  const thenForget = async <Result>(change: Promise<Result>): Promise<Result> => {
    const result = await orUnavailable(change);
    onCredentialsChanged();
    return result;
  };
  return {
    ...createAudit(parts),
    ...createTokenOperations(parts),
    createTenant: (name, plan) =>
      orUnavailable(createTenant(parts, name, plan ?? parts.defaultPlan)),
    getUsage: (tenantId, query) =>
      orUnavailable(selectUsage(scopeOf(tenantId).pool, tenantId, query)),
    nowMs: () => clock.nowMs(),
    listTenants: (query) => orUnavailable(listTenants(db, query)),
    getTenant: (id) => orUnavailable(getTenant(db, id)),
    setSuspended: (id, isSuspended) => thenForget(setSuspended(db, id, isSuspended)),
    deleteTenant: (id) => thenForget(askForDeletion(parts, id)),
    setPlan: (id, change) => thenForget(setPlan(db, id, change)),
  };
}

async function listTenants(
  db: Database,
  { count, cursor }: { readonly count: number; readonly cursor?: string },
): Promise<PageOutcome<Tenant>> {
  const after = cursor === undefined ? undefined : decodeIdCursor(cursor);
  if (after === null) return { kind: "bad-cursor" };
  const rows = await db
    .select()
    .from(tenants)
    .where(after === undefined ? undefined : gt(tenants.tenantId, after))
    .orderBy(asc(tenants.tenantId))
    .limit(count + 1);
  const items = rows.slice(0, count).map(tenantOf);
  const last = items.at(-1);
  if (rows.length <= count || last === undefined) return { kind: "page", page: { items } };
  return { kind: "page", page: { items, cursor: encodeIdCursor(last.id) } };
}

async function getTenant(db: Database, id: string): Promise<Tenant | null> {
  if (!isUuid(id)) return null;
  const [row] = await db.select().from(tenants).where(eq(tenants.tenantId, id));
  return row === undefined ? null : tenantOf(row);
}

async function setSuspended(db: Database, id: string, isSuspended: boolean): Promise<boolean> {
  if (!isUuid(id)) return false;
  const since = sql`coalesce(${tenants.suspendedAt}, now())`;
  const { rowCount } = await db
    .update(tenants)
    .set({ suspendedAt: isSuspended ? since : null })
    .where(stillThere(id));
  return rowCount === 1;
}

async function askForDeletion({ db, pool }: AdministrationParts, id: string): Promise<boolean> {
  if (!isUuid(id)) return false;
  await db
    .update(tenants)
    .set({ deletionAskedAt: sql`now()`, deletedRows: {} })
    .where(stillThere(id));
  if ((await getTenant(db, id)) === null) return false;
  await stopSending(pool, id);
  return true;
}

async function setPlan(
  db: Database,
  id: string,
  change: { readonly plan?: PlanName; readonly limits?: LimitOverrides },
): Promise<Tenant | null> {
  if (!isUuid(id)) return null;
  if (Object.keys(change).length === 0) {
    const tenant = await getTenant(db, id);
    return tenant?.standing === "deleting" ? null : tenant;
  }
  const [row] = await db.update(tenants).set(change).where(stillThere(id)).returning();
  return row === undefined ? null : tenantOf(row);
}

/** Nothing is changed any more of a tenant whose deletion was asked for. */
function stillThere(id: string) {
  return and(eq(tenants.tenantId, id), isNull(tenants.deletionAskedAt));
}

function tenantOf(row: typeof tenants.$inferSelect): Tenant {
  return {
    id: row.tenantId,
    name: row.name,
    standing: standingOf(row),
    plan: planOf(row.plan, row.limits),
    createdAt: row.createdAt.getTime(),
    deleted: row.deletedRows,
  };
}
