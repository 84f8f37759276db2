/**
 * What every statement of the service runs as. Neither role owns anything or logs in, and row-level
 * security holds for both; the login role owns the tables, and runs migrations, partitions and pg-boss.
 */
export const ROLES = {
  /** Work that crosses tenants by design; its policies let it see all rows. */
  engine: "omnistore_engine",
  /** Work for one tenant, which `TENANT_SETTING` names; its policies show that tenant's rows only. */
  tenant: "omnistore_tenant",
} as const;

/** Transaction-local; the policies of the migrations name it too. Without it, `tenant` sees nothing. */
export const TENANT_SETTING = "omnistore.tenant";
