import { accessSync, constants, realpathSync } from "node:fs";
import { join, resolve } from "node:path";

import { dataDirectoryProblem } from "@omnistore/domain/start/data-directory-problem";
import { Client } from "pg";

import { accountForPostgres } from "./account.ts";
import { chooseAddress } from "./address.ts";
import { findBinaries } from "./binaries.ts";
import { checkData } from "./check-data.ts";
import { placeDataDirectory } from "./data-directory.ts";
import { initialiseOnce, readPassword } from "./initialise.ts";
import { clearLeftOvers } from "./left-over.ts";
import { makeFolder } from "./make-folder.ts";
import { claimOwnership } from "./owner.ts";
import { DATABASE, serverOptions } from "./postgres-settings.ts";
import { launchServer } from "./server.ts";

interface EmbeddedPostgresOptions {
  /** Made if absent. The data are kept in `<dataDir>/postgres`, the log of the server in `<dataDir>/postgres.log`. */
  readonly dataDir: string;
  /** Told, in one line each, of things worth knowing. */
  readonly onProgress?: (text: string) => void;
  /** Called when the server ends although nobody stopped it; by default the error is thrown. */
  readonly onUnexpectedExit?: (error: Error) => void;
  /** False for data that are thrown away: faster, and lost when the machine crashes. */
  readonly durable?: boolean;
}

export interface EmbeddedPostgres {
  /** For node-postgres and libpq alike. Holds the password. */
  readonly url: string;
  /** Returns when the server is gone. Committed data stay. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL of our own on a data directory and returns when it accepts connections. Works for root, for
 * whom Postgres runs under another account, and after a crash of the earlier owner, whose server is replaced.
 *
 * @throws when another live process owns the data directory, when it cannot be written or holds data of another
 * PostgreSQL, or when Postgres cannot start; the message says why and what to do.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  try {
    return await startIn(makeHome(options.dataDir), options);
  } catch (error) {
    throw isOfFiles(error)
      ? new Error(dataDirectoryProblem(options.dataDir, error), { cause: error })
      : error;
  }
}

/** Whether a file or folder was what could not be had, not a program or a connection. */
function isOfFiles(error: unknown): boolean {
  if (!(error instanceof Error && "path" in error && "syscall" in error)) return false;
  return !/^(spawn|connect)/.test(String(error.syscall));
}

function makeHome(dataDir: string): string {
  makeFolder(resolve(dataDir));
  accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  return realpathSync(dataDir);
}

async function startIn(home: string, options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const ownership = claimOwnership(home);
  try {
    const postgres = await startOwned(home, options);
    let stopping: Promise<void> | undefined;
    return {
      url: postgres.url,
      stop: () => (stopping ??= postgres.stop().finally(() => ownership.release())),
    };
  } catch (error) {
    ownership.release();
    throw error;
  }
}

async function startOwned(
  home: string,
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const report = options.onProgress ?? (() => {});
  const account = accountForPostgres(join(home, "postgres"));
  const binaries = findBinaries(account, report);
  const dataDirectory = placeDataDirectory(home, account, report);
  checkData(dataDirectory);
  await initialiseOnce(binaries.initdb, dataDirectory, account);
  const address = await chooseAddress(dataDirectory, account);
  await clearLeftOvers(dataDirectory, address.socketFolder);
  const password = readPassword(dataDirectory);
  const server = await launchServer({
    postgres: binaries.postgres,
    options: serverOptions(dataDirectory, options.durable ?? true, address.settings),
    dataDirectory,
    logFile: join(home, "postgres.log"),
    account,
    onUnexpectedExit: options.onUnexpectedExit ?? throwLater,
  });
  const stop = () => server.stop().finally(() => address.release());
  try {
    await createDatabaseOnce(address.url(password, "postgres"));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: address.url(password), stop };
}

/** Nobody awaits the end of a server, so its error goes where uncaught errors go. */
function throwLater(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}

async function createDatabaseOnce(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [
      DATABASE,
    ]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}
