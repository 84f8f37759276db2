import type { Pool } from "@omnistore/db/client";
import type { Month } from "@omnistore/domain/tenant/bandwidth";

/**
 * Bytes of bodies that a tenant published and was sent for in a month. One statement sees one moment:
 * what the roll-up is moving is in one of the two tables. Served by `usage_hours_pkey`, at most 744
 * rows of it, and `usage_batches_hour`, which holds the batches of some five minutes.
 */
export async function selectMonthBytes(
  pool: Pool,
  tenantId: string,
  { fromMs, toMs }: Month,
): Promise<number> {
  const { rows } = await pool.query<{ bytes: number }>(
    `SELECT coalesce(sum(bytes), 0)::float8 AS bytes FROM (
       SELECT bytes_in + bytes_out AS bytes FROM usage_hours
       WHERE tenant_id = $1 AND hour >= to_timestamp($2::float8 / 1000) AND hour < to_timestamp($3::float8 / 1000)
       UNION ALL
       SELECT bytes_in + bytes_out FROM usage_batches
       WHERE tenant_id = $1 AND hour >= to_timestamp($2::float8 / 1000) AND hour < to_timestamp($3::float8 / 1000)
     ) AS used`,
    [tenantId, fromMs, toMs],
  );
  return rows[0]?.bytes ?? 0;
}
