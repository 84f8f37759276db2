import { tenants } from "@omnistore/db/schema/tenants";
import { eq } from "drizzle-orm";

import type { Database } from "./database.ts";

/** A transaction of Drizzle's, as `db.transaction` hands it out. */
type Transaction = Parameters<Parameters<Database["transaction"]>[0]>[0];

/** Until the transaction ends, changes that are counted against a limit of the tenant take turns. */
export async function holdTenant(tx: Transaction, tenantId: string): Promise<void> {
  await tx
    .select({ id: tenants.tenantId })
    .from(tenants)
    .where(eq(tenants.tenantId, tenantId))
    .for("no key update");
}
