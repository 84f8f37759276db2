import { createApi } from "@omnistore/api/service";
import { createDispatcher } from "@omnistore/dispatcher/service";
import { coreOf } from "@omnistore/launch/core-of";
import type { Config } from "@omnistore/runtime/config";
import type { Logger } from "@omnistore/runtime/logger";
import { createScheduler } from "@omnistore/scheduler/service";
import { composeServices, type Service } from "@omnistore/runtime/service";

export interface OmniStoreNode extends Service {
  /** Where the api listens. */
  readonly port: number;
}

/** Api, dispatcher and scheduler in one process, against a database that is migrated already. */
export function createNode(config: Config, databaseUrl: string, logger: Logger): OmniStoreNode {
  const core = coreOf(config, databaseUrl, logger);
  const dispatcher = createDispatcher(config, core, logger.child({ part: "dispatcher" }));
  const api = createApi(config, core, logger.child({ part: "api" }), dispatcher);
  const scheduler = createScheduler(config, core, logger.child({ part: "scheduler" }), {
    onStored: () => dispatcher.poke(),
  });
  // The api is last to start and first to stop: what it accepted can still be handed over.
  const service = composeServices("OmniStore", [core, dispatcher, scheduler, api]);
  return {
    name: service.name,
    start: () => service.start(),
    stop: () => service.stop(),
    get port() {
      return api.port;
    },
  };
}
