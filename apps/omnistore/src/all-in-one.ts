import type { Config } from "@omnistore/runtime/config";
import type { Logger } from "@omnistore/runtime/logger";
import { composeServices, defineService, type Service } from "@omnistore/runtime/service";

import { createDatabase } from "./database.ts";
import { createNode, type OmniStoreNode } from "./node.ts";
import type { Progress } from "./progress.ts";

export interface AllInOne extends Service {
  /** Where the api listens. Known once it has started. */
  readonly port: number;
}

/** Everything in one process: PostgreSQL unless one is given, migrations, api, dispatcher and scheduler. */
export function createAllInOne(config: Config, logger: Logger, progress: Progress): AllInOne {
  const database = createDatabase(config, progress);
  let node: OmniStoreNode | undefined;
  // Made when the address of the database is known.
  const services = defineService("services", {
    async start() {
      node = createNode(config, database.url, logger);
      await node.start();
    },
    async stop() {
      await node?.stop();
    },
  });
  const all = composeServices("OmniStore", [database, services]);
  return {
    name: all.name,
    start: () => all.start(),
    stop: () => all.stop(),
    get port() {
      return node?.port ?? config.port;
    },
  };
}
