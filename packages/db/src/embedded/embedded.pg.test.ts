import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import type { EmbeddedPostgres } from "./embedded-postgres.ts";
import { commandLineOf } from "./process-table.ts";

const folders: string[] = [];
const running: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];
/** Servers of those children. */
const servers: number[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.kill("SIGTERM")) await once(child, "exit");
  }
  for (const pid of servers.splice(0)) await isGone(pid);
  for (const postgres of running.splice(0)) await postgres.stop();
  for (const folder of folders.splice(0))
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "omnistore-embedded-"));
  folders.push(folder);
  // Root's Postgres runs under another account, which must be able to pass.
  chmodSync(folder, 0o755);
  return folder;
}

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  running.push(postgres);
  return postgres;
}

async function query(url: string, sql: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const serverPid = (dataDir: string) =>
  Number.parseInt(readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8"));

/** False when the process is still there after five seconds. */
async function isGone(pid: number): Promise<boolean> {
  const endMs = performance.now() + 5_000;
  while (commandLineOf(pid) !== undefined && performance.now() < endMs) await sleep(20);
  return commandLineOf(pid) === undefined;
}

/** The process that stops a server whose owner was killed. */
function guardOf(server: number): number {
  const pids = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" });
  const found = new RegExp(`^ *(\\d+) /bin/sh -c .*kill -INT "\\$0" ${server}$`, "m").exec(pids);
  return Number(found?.[1]);
}

/** Another process that owns a data directory and does nothing else; SIGTERM makes it exit without any stop. */
async function startElsewhere(dataDir: string): Promise<ChildProcess> {
  const module = JSON.stringify(new URL("./embedded-postgres.ts", import.meta.url).href);
  const child = spawn(
    process.execPath,
    [
      "--input-type=module-typescript",
      "--eval",
      `import { startEmbeddedPostgres } from ${module};
       process.on("SIGTERM", () => process.exit(1));
       const { url } = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, durable: false });
       console.log(url);`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  children.push(child);
  await once(createInterface(child.stdout), "line");
  servers.push(serverPid(dataDir));
  return child;
}

describe("embedded PostgreSQL", () => {
  test("starts as version 18 with an empty database in UTF-8 and UTC, for its owner only", async () => {
    const { url } = await start(join(freshFolder(), "a path, with a comma"));
    const [settings] = await query(
      url,
      `SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('server_encoding') AS encoding,
              current_setting('TimeZone') AS zone, current_setting('listen_addresses') AS addresses, current_database() AS name`,
    );
    expect(settings).toEqual({
      version: 18,
      encoding: "UTF8",
      zone: "UTC",
      addresses: "",
      name: "omnistore",
    });
    const withoutPassword = url.replace(/:[^:@]+@/, ":wrong@");
    await expect(query(withoutPassword, "SELECT 1")).rejects.toThrow(
      "password authentication failed",
    );
  });

  test("keeps its data over a restart, and leaves no process and no owner after a stop", async () => {
    const dataDir = freshFolder();
    const first = await start(dataDir);
    await query(first.url, "CREATE TABLE kept AS SELECT 42 AS answer");
    const pid = serverPid(dataDir);
    expect(commandLineOf(pid)).toContain("postgres");
    await Promise.all([first.stop(), first.stop()]);
    expect(commandLineOf(pid)).toBeUndefined();
    expect(existsSync(join(dataDir, "owner.json"))).toBe(false);

    const second = await start(dataDir);
    expect(await query(second.url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  });

  test("leaves no server behind when its owner is killed", async () => {
    const dataDir = freshFolder();
    const owner = await startElsewhere(dataDir);
    const orphan = serverPid(dataDir);
    owner.kill("SIGKILL");
    expect(await isGone(orphan)).toBe(true);
  });

  test("takes over the server when owner and guard were killed", async () => {
    const dataDir = freshFolder();
    const owner = await startElsewhere(dataDir);
    const orphan = serverPid(dataDir);
    process.kill(guardOf(orphan), "SIGKILL");
    owner.kill("SIGKILL");
    await once(owner, "exit");
    expect(commandLineOf(orphan)).toContain("postgres");

    const next = await start(dataDir);
    expect(commandLineOf(orphan)).toBeUndefined();
    expect(await query(next.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("leaves no server behind when its owner exits without stopping it", async () => {
    const dataDir = freshFolder();
    const owner = await startElsewhere(dataDir);
    const pid = serverPid(dataDir);
    owner.kill("SIGTERM");
    expect(await isGone(pid)).toBe(true);
  });

  test("refuses a second owner, naming the first and the way out", async () => {
    const dataDir = freshFolder();
    const owner = await startElsewhere(dataDir);
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(
      `the data directory ${dataDir} is in use by another OmniStore, process ${owner.pid}: stop that process, ` +
        "or give this one its own with OMNISTORE_DATA_DIR",
    );
    expect(commandLineOf(serverPid(dataDir))).toContain("postgres");
  });

  test("heals a first start that was killed half-way", async () => {
    const dataDir = freshFolder();
    mkdirSync(join(dataDir, "postgres.unfinished", "base"), { recursive: true });
    writeFileSync(join(dataDir, "postgres.unfinished", "PG_VERSION"), "18\n");
    writeFileSync(join(dataDir, "postgres.unfinished.password"), "half a pass");
    writeFileSync(join(dataDir, "owner.json"), '{"pid":');
    const { url } = await start(dataDir);
    expect(await query(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(readdirSync(dataDir).toSorted()).toEqual(["owner.json", "postgres", "postgres.log"]);
  });

  test("is not misled by locks whose process number now belongs to another program", async () => {
    const dataDir = freshFolder();
    await (await start(dataDir)).stop();
    writeFileSync(join(dataDir, "postgres", "postmaster.pid"), `${process.pid}\n`);
    writeFileSync(join(dataDir, "postgres", ".s.PGSQL.5432.lock"), `${process.pid}\n`);
    const { url } = await start(dataDir);
    expect(await query(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("runs in a folder whose path is too long for a socket", async () => {
    const { url } = await start(join(freshFolder(), "long".repeat(25)));
    expect(await query(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("says why it ended when nobody stopped it", async () => {
    const dataDir = freshFolder();
    const ended = Promise.withResolvers<Error>();
    const postgres = await startEmbeddedPostgres({
      dataDir,
      durable: false,
      onUnexpectedExit: ended.resolve,
    });
    running.push(postgres);
    process.kill(serverPid(dataDir), "SIGQUIT");
    expect((await ended.promise).message).toContain("immediate shutdown");
  });
});
