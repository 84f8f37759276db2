import type { Pool } from "@omnistore/db/client";
import { ensurePartitions } from "@omnistore/db/partitions";
import { unscopedPool } from "@omnistore/db/tenant-pool";

/**
 * Runs a write; when it met a day that has no partition (the housekeeper was away too long), makes
 * the missing ones and runs it once more. `tickDays` names the days of ticks that it fires late.
 */
export async function withPartitions<Result>(
  pool: Pool,
  write: () => Promise<Result>,
  tickDays: () => readonly string[] = () => [],
): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    if (!isMissingPartition(error)) throw error;
    await ensurePartitions(unscopedPool(pool), tickDays());
    return write();
  }
}

/** Postgres has no code of its own for it: 23514 is any failed check. */
export function isMissingPartition(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    error.code === "23514" &&
    error.message.startsWith("no partition of relation")
  );
}
