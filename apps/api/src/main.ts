import { awaitDatabase } from "@omnistore/db/await-database";
import { shortageInWords } from "@omnistore/db/in-words";
import { migrate } from "@omnistore/db/migrate";
import { createCore } from "@omnistore/engine/core";
import { loadServiceConfigOrExit } from "@omnistore/runtime/config";
import { createLogger } from "@omnistore/runtime/logger";
import { runService } from "@omnistore/runtime/run-service";
import { composeServices, defineService } from "@omnistore/runtime/service";

import { createApi } from "./service.ts";

const config = loadServiceConfigOrExit(process.env);
const logger = createLogger({
  level: config.logLevel,
  name: "api",
  reasonOf: shortageInWords,
});
const core = createCore({
  databaseUrl: config.databaseUrl,
  encryptionKey: config.encryptionKey,
  previousEncryptionKey: config.previousEncryptionKey,
  sealsContent: config.sealsContent,
  onUnreadable: (error) => logger.error({ err: error }, "a stored value cannot be opened"),
  onIdleError: (error) => logger.warn({ err: error }, "a database connection was lost"),
});
const schema = defineService("migrations", {
  start: () => migrate(config.databaseUrl),
  stop: async () => {},
});
await awaitDatabase({
  databaseUrl: config.databaseUrl,
  onWaiting: (reason) => logger.warn({ reason }, "waiting for the database"),
});
await runService(composeServices("api", [schema, core, createApi(config, core, logger)]), {
  logger,
});
