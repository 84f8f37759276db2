import { createCore, type EngineCore } from "@omnistore/engine/core";
import type { Config } from "@omnistore/runtime/config";
import type { Logger } from "@omnistore/runtime/logger";

/** The engine as the settings want it; what it cannot read or loses on the way goes to the log. */
export function coreOf(config: Config, databaseUrl: string, logger: Logger): EngineCore {
  const { encryptionKey, previousEncryptionKey, sealsContent } = config;
  return createCore({
    databaseUrl,
    encryptionKey,
    previousEncryptionKey,
    sealsContent,
    onUnreadable: (error) => logger.error({ err: error }, "a stored value cannot be opened"),
    onIdleError: (error) => logger.warn({ err: error }, "a database connection was lost"),
  });
}
