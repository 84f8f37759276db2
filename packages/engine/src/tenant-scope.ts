import type { Pool } from "@omnistore/db/client";
import { tenantPool } from "@omnistore/db/tenant-pool";

import { database, type Database } from "./database.ts";

/** The database as the work of one tenant sees it. */
export interface TenantScope {
  readonly pool: Pool;
  readonly db: Database;
}

/**
 * Row-level security is the second wall behind the `tenant_id` of every statement. Which side of it
 * work is done on:
 *
 * - in the scope of a tenant, as `omnistore_tenant`: everything that one tenant's request, or an
 *   operator's about one tenant, reads or changes: messages, logs, dead letters, schedules, topics,
 *   queues, flow-control keys, tokens, signing keys, usage, the audit log;
 * - across tenants, as `omnistore_engine`, the role of the core's pool: storing messages (a statement
 *   takes those of all who publish at that moment), everything of dispatchers and schedulers, budgets,
 *   data keys, the look-up of a token whose tenant is not proved yet, the operator's lists of tenants;
 * - as the login role, which owns the tables: migrations, partitions and pg-boss.
 */
export type TenantScopes = (tenantId: string) => TenantScope;

/** Scopes over a pool that runs as the engine. Sends nothing before the first statement. */
export function tenantScopes(pool: Pool): TenantScopes {
  return (tenantId) => {
    const scoped = tenantPool(pool, tenantId);
    return {
      pool: scoped,
      get db() {
        return database(scoped);
      },
    };
  };
}
