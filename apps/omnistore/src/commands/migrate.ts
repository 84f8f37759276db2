import { loadConfigOrExit } from "@omnistore/runtime/config";
import { createLogger } from "@omnistore/runtime/logger";
import { runService } from "@omnistore/runtime/run-service";

import { createDatabase } from "../database.ts";
import { createProgress } from "../progress.ts";

export const migrateHelp = `Usage: omnistore migrate

Brings the database to the version of this OmniStore and ends: the one of DATABASE_URL, or the PostgreSQL of its own in
OMNISTORE_DATA_DIR (.omnistore). Safe to run from several machines at once, and to run again.
`;

/** `omnistore migrate`. */
export async function migrate(env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfigOrExit(env, { logLevel: "warn" });
  const logger = createLogger({ level: config.logLevel, name: "omnistore" });
  const database = createDatabase(
    config,
    createProgress((text) => process.stdout.write(text)),
  );
  await runService(database, { logger, exitCodeWhenStopped: 1 });
  await database.stop();
}
