import type { Pool } from "@omnistore/db/client";
import { isMigrated } from "@omnistore/db/migrate";
import { Hono } from "hono";

/** `/healthz`: the process answers. `/readyz`: the database does too, and holds this version's tables. */
export function healthRoutes(pool: Pool): Hono {
  return new Hono()
    .get("/healthz", (c) => c.json({ status: "ok" }))
    .get("/readyz", async (c) => {
      try {
        if (await isMigrated(pool)) return c.json({ status: "ready" });
        return c.json({ error: "the database is not migrated: run the migrate command" }, 503);
      } catch {
        return c.json({ error: "the database cannot be reached" }, 503);
      }
    });
}
