import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from "@omnistore/db/embedded/embedded-postgres";
import pg from "pg";

import type { LoadGeneratorProcess } from "../processes/load-generator.ts";
import type { ReceiverProcess } from "../processes/receiver.ts";
import { startRemote, type Remote } from "./remote.ts";

export interface LabReceiver extends Remote<ReceiverProcess> {
  /** Without a slash at the end. */
  readonly url: string;
}

/** What a bench measures with. Everything it starts is ended when the lab closes. */
export interface Lab {
  readonly load: Remote<LoadGeneratorProcess>;
  readonly receiver: LabReceiver;
  /** An empty database of the one PostgreSQL that all contenders share. */
  createDatabase(name: string): Promise<string>;
  /** Connects to a database, for as long as the lab is open. */
  connect(databaseUrl: string): Promise<pg.Client>;
  /** Ends something when the lab closes, the last first. */
  onClose(end: () => Promise<unknown>): void;
  /** Another checkout to measure beside this one, if the command line names one. */
  readonly against: string | undefined;
  /** Where processes of OmniStore leave CPU profiles, if they are asked for. */
  readonly profileDir: string | undefined;
  /** A folder that is removed when the lab closes. */
  makeFolder(name: string): string;
  readonly note: (text: string) => void;
  close(): Promise<void>;
}

export interface LabOptions {
  readonly note: (text: string) => void;
  readonly against: string | undefined;
  readonly profileDir?: string | undefined;
  /** Whether its PostgreSQL counts statements, which costs it a little. */
  readonly countsStatements: boolean;
}

export async function openLab({
  note,
  against,
  profileDir,
  countsStatements,
}: LabOptions): Promise<Lab> {
  const home = mkdtempSync(join(tmpdir(), "omnistore-bench-"));
  // Root's PostgreSQL runs under another account, which must be able to pass.
  chmodSync(home, 0o755);
  const ends: (() => Promise<unknown>)[] = [
    () => Promise.resolve(rmSync(home, { recursive: true, force: true, maxRetries: 10 })),
  ];
  let closing: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    for (const end of ends.toReversed()) await end();
  }

  async function makeReceiver(): Promise<LabReceiver> {
    const remote = await startRemote<ReceiverProcess>("receiver.ts");
    ends.push(() => remote.end());
    return { ...remote, url: `http://127.0.0.1:${await remote.ask("listen", undefined)}` };
  }

  async function makeLoad(): Promise<Remote<LoadGeneratorProcess>> {
    const remote = await startRemote<LoadGeneratorProcess>("load-generator.ts");
    ends.push(() => remote.end());
    return remote;
  }

  try {
    // Durable, as in production: what is measured waits for the disk.
    const dataDir = join(home, "data");
    const postgres = await (countsStatements ? startCounting : start)(dataDir);
    ends.push(() => postgres.stop());
    const lab: Lab = {
      load: await makeLoad(),
      receiver: await makeReceiver(),
      async createDatabase(name) {
        const database = `bench_${name}`;
        const admin = await lab.connect(postgres.url);
        await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
        await admin.query(`CREATE DATABASE ${database}`);
        return postgres.url.replace(/^([a-z]+:\/\/[^/?]*)(\/[^?]*)?/, `$1/${database}`);
      },
      async connect(databaseUrl) {
        const client = new pg.Client({ connectionString: databaseUrl });
        await client.connect();
        ends.push(() => client.end());
        return client;
      },
      onClose: (end) => void ends.push(end),
      makeFolder: (name) => mkdtempSync(join(home, `${name}-`)),
      note,
      against,
      profileDir,
      close: () => (closing ??= closeAll()),
    };
    return lab;
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function start(dataDir: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir });
}

/** PostgreSQL that counts statements: its library has to be there from the start. */
async function startCounting(dataDir: string): Promise<EmbeddedPostgres> {
  const first = await start(dataDir);
  const client = new pg.Client({ connectionString: first.url });
  await client.connect();
  await client.query("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
  await client.end();
  await first.stop();
  return start(dataDir);
}
