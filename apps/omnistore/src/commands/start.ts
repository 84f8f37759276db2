import { awaitDatabase } from "@omnistore/db/await-database";
import { shortageInWords } from "@omnistore/db/in-words";
import { loadConfigOrExit } from "@omnistore/runtime/config";
import { giveBackMemory } from "@omnistore/runtime/give-back-memory";
import { createLogger } from "@omnistore/runtime/logger";
import { runService } from "@omnistore/runtime/run-service";

import { createAllInOne } from "../all-in-one.ts";
import { banner } from "../banner.ts";
import { createProgress } from "../progress.ts";

export const startHelp = `Usage: omnistore start

Runs OmniStore in this process: api, dispatcher and scheduler, on a PostgreSQL of its own unless DATABASE_URL is set.

  PORT                 where the api listens (8080)
  DATABASE_URL         use this PostgreSQL
  OMNISTORE_DATA_DIR   where a PostgreSQL of its own keeps its data (.omnistore)
  OMNISTORE_MODE       dev (default) or hosted

All settings: docs/configuration.md
`;

/** `omnistore start`: returns when OmniStore is ready, and the process runs on until it is told to stop. */
export async function start(env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfigOrExit(env, { logLevel: "warn" });
  const logger = createLogger({
    level: config.logLevel,
    name: "omnistore",
    reasonOf: shortageInWords,
  });
  const progress = createProgress((text) => process.stdout.write(text));
  const { databaseUrl } = config;
  if (databaseUrl !== undefined) {
    await awaitDatabase({
      databaseUrl,
      onWaiting: (reason) => progress.note(`Waiting for the database: ${reason}`),
    });
  }
  const service = createAllInOne(config, logger, progress);
  await runService(service, {
    logger,
    onReady: () => {
      giveBackMemory();
      process.stdout.write(banner(config, service.port));
    },
  });
}
