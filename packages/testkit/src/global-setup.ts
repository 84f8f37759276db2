import { migrate } from "@omnistore/db/migrate";
import { watchPackageManager } from "@omnistore/runtime/package-manager";
import type { TestProject } from "vitest/node";

import { createDatabase, dropDatabase } from "./postgres.ts";
import { startTestServer } from "./postgres-server.ts";

interface Run {
  readonly serverUrl: string;
  readonly template: string;
  stop(): Promise<void>;
}

declare global {
  var omnistoreTestRun: Promise<Run> | undefined;
}

/**
 * One server for a whole run, and in it one migrated database, which `freshDatabase` copies. Every project that needs
 * Postgres names this file and gets a module of its own, so what they share is kept globally. The first teardown
 * comes after all tests, and ends the server.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  globalThis.omnistoreTestRun ??= prepare();
  const run = await globalThis.omnistoreTestRun;
  project.provide("postgres", { serverUrl: run.serverUrl, template: run.template });
  return () => run.stop();
}

async function prepare(): Promise<Run> {
  watchPackageManager(process.env, () => process.exit(1));
  const server = await startTestServer(process.env);
  let stopping: Promise<void> | undefined;
  let template: Awaited<ReturnType<typeof createDatabase>> | undefined;

  async function stopOnce(): Promise<void> {
    if (template !== undefined) await dropDatabase(server.url, template.name);
    await server.stop();
  }
  const stop = () => (stopping ??= stopOnce());

  try {
    template = await createDatabase(server.url, { namePrefix: "omnistore_template" });
    await migrate(template.url);
    return { serverUrl: server.url, template: template.name, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
