import type { Pool } from "@omnistore/db/client";

/**
 * Makes the first of each tenant's parked deliveries ready again, except of `saturated` tenants; any
 * dispatcher may, whoever parked them. Steps from tenant to tenant in `deliveries_parked`: cost grows
 * with the tenants that have something parked, not with how much.
 */
const RELEASE = `
WITH RECURSIVE tenant AS (
  (SELECT tenant_id FROM deliveries WHERE gate = 3 ORDER BY tenant_id LIMIT 1)
  UNION ALL
  SELECT (
    SELECT tenant_id FROM deliveries
    WHERE gate = 3 AND tenant_id > tenant.tenant_id ORDER BY tenant_id LIMIT 1
  ) FROM tenant WHERE tenant.tenant_id IS NOT NULL
), picked AS (
  SELECT d.ctid FROM tenant CROSS JOIN LATERAL (
    SELECT ctid FROM deliveries WHERE gate = 3 AND tenant_id = tenant.tenant_id
    ORDER BY position
    LIMIT coalesce((SELECT most FROM unnest($3::uuid[], $4::int[]) AS f (id, most)
                    WHERE f.id = tenant.tenant_id), $2::int)
    FOR UPDATE SKIP LOCKED
  ) AS d
  WHERE tenant.tenant_id <> ALL ($1::uuid[])
)
UPDATE deliveries d SET gate = NULL, virtual_time = (extract(epoch FROM now()) * 1e6)::int8
FROM picked WHERE d.ctid = picked.ctid`;

export interface Release {
  /** Of these, nothing. */
  readonly saturated: readonly string[];
  /** Of each tenant. */
  readonly limit: number;
  /** And of these, fewer. */
  readonly fewer?: ReadonlyMap<string, number>;
}

/** Returns how many are ready again. */
export async function releaseParked(
  pool: Pool,
  { saturated, limit, fewer = new Map() }: Release,
): Promise<number> {
  const { rowCount } = await pool.query(RELEASE, [
    saturated,
    limit,
    [...fewer.keys()],
    [...fewer.values()],
  ]);
  return rowCount ?? 0;
}
