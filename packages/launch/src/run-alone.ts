import { awaitDatabase } from "@omnistore/db/await-database";
import { shortageInWords } from "@omnistore/db/in-words";
import { migrate } from "@omnistore/db/migrate";
import type { EngineCore } from "@omnistore/engine/core";
import { loadServiceConfigOrExit, type Config } from "@omnistore/runtime/config";
import { giveBackMemory } from "@omnistore/runtime/give-back-memory";
import { createLogger, type Logger } from "@omnistore/runtime/logger";
import { runService } from "@omnistore/runtime/run-service";
import { composeServices, defineService, type Service } from "@omnistore/runtime/service";

import { coreOf } from "./core-of.ts";
import { readWords } from "./read-words.ts";

/** A service that can run in a process of its own. */
export interface Alone {
  readonly name: "api" | "dispatcher" | "scheduler";
  /** What it does, for `--help`: a sentence. */
  readonly summary: string;
  readonly create: (config: Config, core: EngineCore, logger: Logger) => Service;
}

const helpOf = ({ name, summary }: Alone) => `Usage: pnpm ${name}

${summary} Runs beside the other services on one database, which it brings up to date first.

  DATABASE_URL   the PostgreSQL that all services share

All settings: docs/configuration.md
`;

/** Runs a service until it is told to stop; returns when it is ready. Explains itself, and exits, when asked to. */
export async function runAlone(
  alone: Alone,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const read = readWords(words);
  if (read.kind === "help") {
    process.stdout.write(helpOf(alone));
    return;
  }
  if (read.kind === "wrong") {
    process.stderr.write(`${read.problem}\n\n${helpOf(alone)}`);
    process.exit(1);
  }
  const { name, create } = alone;
  const config = loadServiceConfigOrExit(env);
  const { databaseUrl } = config;
  const logger = createLogger({ level: config.logLevel, name, reasonOf: shortageInWords });
  const core = coreOf(config, databaseUrl, logger);
  const schema = defineService("migrations", {
    start: () => migrate(databaseUrl),
    stop: async () => {},
  });
  await awaitDatabase({
    databaseUrl,
    onWaiting: (reason) => logger.warn({ reason }, "waiting for the database"),
  });
  await runService(composeServices(name, [schema, core, create(config, core, logger)]), {
    logger,
    onReady: giveBackMemory,
  });
}
