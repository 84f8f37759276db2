import type { Pool } from "@omnistore/db/client";
import type { HourOfUsage, UsageQuery } from "@omnistore/domain/tenant/usage";

/**
 * The hours of a tenant in order. One statement sees one moment: what the roll-up is moving is in
 * one of the two tables, never in both. Served by `usage_hours_pkey` and `usage_batches_hour`.
 */
export async function selectUsage(
  pool: Pool,
  tenantId: string,
  { fromMs, toMs }: UsageQuery,
): Promise<readonly HourOfUsage[]> {
  const { rows } = await pool.query<HourOfUsage>(
    `SELECT (extract(epoch FROM hour) * 1000)::float8 AS hour,
       sum(publishes)::float8 AS publishes, sum(deliveries)::float8 AS deliveries,
       sum(attempts)::float8 AS attempts,
       sum(bytes_in)::float8 AS "bytesIn", sum(bytes_out)::float8 AS "bytesOut"
     FROM (
       SELECT hour, publishes, deliveries, attempts, bytes_in, bytes_out FROM usage_hours
       WHERE tenant_id = $1 AND hour >= to_timestamp($2::float8 / 1000) AND hour < to_timestamp($3::float8 / 1000)
       UNION ALL
       SELECT hour, publishes, deliveries, attempts, bytes_in, bytes_out FROM usage_batches
       WHERE tenant_id = $1 AND hour >= to_timestamp($2::float8 / 1000) AND hour < to_timestamp($3::float8 / 1000)
     ) AS used
     GROUP BY hour ORDER BY hour`,
    [tenantId, fromMs, toMs],
  );
  return rows;
}
