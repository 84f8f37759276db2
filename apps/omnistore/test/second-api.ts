import { createApi, type Api } from "@omnistore/api/service";
import { createCore } from "@omnistore/engine/core";
import { loadConfig } from "@omnistore/runtime/config";
import { createLogger } from "@omnistore/runtime/logger";
import { composeServices } from "@omnistore/runtime/service";

import type { RunningNode } from "./running-node.ts";

/** One more api on the database of a node, with memories of its own. */
export async function startSecondApi(
  node: RunningNode,
  env: NodeJS.ProcessEnv = {},
): Promise<{
  readonly url: string;
  readonly routes: Api["routes"];
  stop(): Promise<void>;
}> {
  const config = loadConfig({ PORT: "0", HOST: "127.0.0.1", ...env });
  const core = createCore({
    databaseUrl: node.databaseUrl,
    encryptionKey: config.encryptionKey,
    sealsContent: config.sealsContent,
  });
  const api = createApi(config, core, createLogger({ level: "error", name: "second api" }));
  const services = composeServices("second api", [core, api]);
  await services.start();
  return { url: `http://127.0.0.1:${api.port}`, routes: api.routes, stop: () => services.stop() };
}
