import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startEmbeddedPostgres } from "@omnistore/db/embedded/embedded-postgres";

/** A PostgreSQL server whose role may create databases. */
export interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

const DOCKER_SOCKET = "/var/run/docker.sock";
const DOCKER_ANSWER_LIMIT_MS = 1_000;
const IMAGE = "postgres:18";

/** The server that `OMNISTORE_TEST_DATABASE_URL` names; else a container where Docker runs; else an embedded one. */
export async function startTestServer(env: NodeJS.ProcessEnv): Promise<TestServer> {
  const givenUrl = env["OMNISTORE_TEST_DATABASE_URL"];
  if (givenUrl !== undefined && givenUrl !== "") return { url: givenUrl, stop: async () => {} };
  return (await dockerAnswers()) ? startContainer() : startEmbedded();
}

async function startContainer(): Promise<TestServer> {
  // Loaded only here: it is large, and most machines take another path.
  const { PostgreSqlContainer } = await import("@testcontainers/postgresql");
  const container = await new PostgreSqlContainer(IMAGE).start();
  return {
    url: container.getConnectionUri(),
    stop: async () => void (await container.stop()),
  };
}

async function startEmbedded(): Promise<TestServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "omnistore-test-"));
  // Root's Postgres runs under another account, which must be able to pass.
  chmodSync(dataDir, 0o755);
  const remove = () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 10 });
  // Vitest exits on a signal without any teardown; the server ends by itself then.
  process.once("exit", remove);
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  return { url: postgres.url, stop: () => postgres.stop() };
}

function dockerAnswers(): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({
      socketPath: DOCKER_SOCKET,
      path: "/_ping",
      timeout: DOCKER_ANSWER_LIMIT_MS,
    });
    ping.once("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once("timeout", () => ping.destroy());
    ping.once("error", () => resolve(false));
    ping.once("close", () => resolve(false));
    ping.end();
  });
}
