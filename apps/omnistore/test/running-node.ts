import { freshDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { loadConfig } from "@omnistore/runtime/config";
import { createLogger } from "@omnistore/runtime/logger";

import { createNode } from "../src/node.ts";

export interface RunningNode {
  readonly url: string;
  readonly databaseUrl: string;
  stop(): Promise<void>;
}

/** The whole service in this process, on a free port and a database: its own unless one is given. */
export async function startNode(
  env: NodeJS.ProcessEnv = {},
  database?: FreshDatabase,
): Promise<RunningNode> {
  const used = database ?? (await freshDatabase());
  const config = loadConfig({ PORT: "0", HOST: "127.0.0.1", ...env });
  const node = createNode(config, used.url, createLogger({ level: "error", name: "test" }));
  await node.start();
  return {
    url: `http://127.0.0.1:${node.port}`,
    databaseUrl: used.url,
    async stop() {
      await node.stop();
      if (database === undefined) await used.drop();
    },
  };
}
