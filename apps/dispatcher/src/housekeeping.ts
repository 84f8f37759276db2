import { connect, maintenanceQuery } from "@omnistore/db/client";
import { dropExpiredPartitions, ensurePartitions } from "@omnistore/db/partitions";
import type { EngineCore } from "@omnistore/engine/core";
import { forgetHistory } from "@omnistore/engine/history/forget-history.sql";
import { forgetDeduplications } from "@omnistore/engine/store/forget-deduplications.sql";
import { deleteTenants } from "@omnistore/engine/tenant/delete-tenants.sql";
import { rollUpUsage } from "@omnistore/engine/usage/roll-up-usage.sql";
import type { Logger } from "@omnistore/runtime/logger";
import { defineService, type Service } from "@omnistore/runtime/service";
import { PgBoss } from "pg-boss";

/** Everything that is off the path of a message: name, cron (UTC), work. */
const JOBS = [
  {
    name: "make-partitions",
    cron: "17 * * * *",
    run: ({ pool }: EngineCore) => ensurePartitions(pool),
  },
  {
    name: "drop-partitions",
    cron: "43 * * * *",
    run: ({ pool }: EngineCore) => dropExpiredPartitions(pool),
  },
  {
    name: "forget-history",
    cron: "29 3 * * *",
    run: ({ pool }: EngineCore) => forgetHistory(pool),
  },
  {
    name: "forget-deduplications",
    cron: "* * * * *",
    run: ({ pool }: EngineCore) => forgetDeduplications(pool),
  },
  {
    name: "roll-up-usage",
    cron: "*/5 * * * *",
    run: ({ pool }: EngineCore) => rollUpUsage(pool),
  },
  {
    name: "delete-tenants",
    cron: "* * * * *",
    run: ({ pool }: EngineCore) => deleteTenants(pool),
  },
] as const;

/**
 * Runs the jobs by pg-boss, once each however many dispatchers there are. It starts beside the
 * pipeline and never holds it up: a message waits for no housekeeper.
 */
export function createHousekeeping(core: EngineCore, logger: Logger): Service {
  // pg-boss owns a schema of its own, so it runs as the login role.
  const owner = connect({
    databaseUrl: core.databaseUrl,
    maxConnections: 2,
    onIdleError: (error) => logger.warn({ err: error }, "a database connection was lost"),
  });
  const boss = new PgBoss({
    db: {
      executeSql: (text, values) => owner.query(maintenanceQuery(text, values)),
    },
    schema: "pgboss",
  });
  boss.on("error", (error) => logger.warn({ err: error }, "housekeeping met an error"));
  let starting: Promise<void> = Promise.resolve();

  async function startJobs(): Promise<void> {
    await boss.start();
    for (const { name, cron, run } of JOBS) {
      await boss.createQueue(name, { policy: "singleton" });
      await boss.work(name, async () => {
        const result = await run(core);
        logger.debug({ job: name, result }, "housekeeping");
      });
      await boss.schedule(name, cron, null, { tz: "UTC" });
    }
  }

  return defineService("housekeeping", {
    async start() {
      starting = startJobs().catch((error: unknown) => {
        logger.error({ err: error }, "housekeeping could not start; messages are not affected");
      });
    },
    async stop() {
      await starting;
      await boss.stop({ graceful: false, close: false });
      await owner.end();
    },
  });
}
