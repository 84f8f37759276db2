import type { Standing } from "@omnistore/domain/tenant/tenant";

/** What a tenant's row says about whether it is served. */
export function standingOf(row: {
  readonly suspendedAt: Date | null;
  readonly deletionAskedAt: Date | null;
}): Standing {
  if (row.deletionAskedAt !== null) return "deleting";
  return row.suspendedAt === null ? "active" : "suspended";
}
