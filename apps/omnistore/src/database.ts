import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "@omnistore/db/embedded/embedded-postgres";
import { migrate } from "@omnistore/db/migrate";
import type { Config } from "@omnistore/runtime/config";
import { defineService, type Service } from "@omnistore/runtime/service";

import type { Progress } from "./progress.ts";

export interface Database extends Service {
  /** Known once it has started. */
  readonly url: string;
}

/** The PostgreSQL of `DATABASE_URL`, or one of our own in the data directory; migrated when started. */
export function createDatabase(config: Config, progress: Progress): Database {
  let embedded: EmbeddedPostgres | undefined;
  let url = config.databaseUrl;

  function urlOnceStarted(): string {
    if (url === undefined) throw new Error("the database has not started yet");
    return url;
  }

  const service = defineService("database", {
    async start() {
      if (url === undefined) {
        embedded = await progress.step("Starting PostgreSQL 18", () =>
          startEmbeddedPostgres({
            dataDir: config.dataDir,
            onProgress: (text) => progress.note(text),
          }),
        );
        url = embedded.url;
      }
      try {
        await progress.step("Applying migrations", () => migrate(urlOnceStarted()));
      } catch (error) {
        await embedded?.stop();
        throw error;
      }
    },
    async stop() {
      await embedded?.stop();
    },
  });
  return {
    name: service.name,
    start: () => service.start(),
    stop: () => service.stop(),
    get url() {
      return urlOnceStarted();
    },
  };
}
