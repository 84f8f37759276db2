import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Account } from "./account.ts";
import { PROGRAM_ENVIRONMENT, SUPERUSER } from "./postgres-settings.ts";

/** Lies among the data, so that data and password can only be lost together. */
export const PASSWORD_FILE = "omnistore-password";

/**
 * Makes an empty database cluster with a random password. It is made beside its place and moved there when complete,
 * so a process killed in the middle leaves nothing that a next start could mistake for data.
 */
export async function initialiseOnce(
  initdb: string,
  dataDirectory: string,
  account: Account | undefined,
): Promise<void> {
  if (existsSync(dataDirectory)) return;
  const unfinished = `${dataDirectory}.unfinished`;
  const passwordFile = `${unfinished}.password`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  writeFileSync(passwordFile, randomBytes(24).toString("base64url"), { mode: 0o600 });
  if (account !== undefined) {
    chownSync(unfinished, account.uid, account.gid);
    chownSync(passwordFile, account.uid, account.gid);
  }
  await run(initdb, initdbOptions(unfinished, passwordFile), account);
  renameSync(passwordFile, join(unfinished, PASSWORD_FILE));
  renameSync(unfinished, dataDirectory);
}

/** The password of the superuser of an initialised data directory. */
export function readPassword(dataDirectory: string): string {
  return readFileSync(join(dataDirectory, PASSWORD_FILE), "utf8");
}

function initdbOptions(directory: string, passwordFile: string): readonly string[] {
  return [
    `--pgdata=${directory}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // Sorted by code point and the same on every machine, whatever its libraries are.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    // Nothing is lost if the machine stops now: there are no data yet.
    "--no-sync",
    "--no-instructions",
  ];
}

async function run(
  program: string,
  options: readonly string[],
  account: Account | undefined,
): Promise<void> {
  const child = spawn(program, options, {
    ...account,
    cwd: "/",
    env: PROGRAM_ENVIRONMENT,
    // Its own session: Ctrl-C in the terminal is for OmniStore, which waits for this to end.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`initdb could not prepare the data directory:\n${complaints.trim()}`));
    });
  });
}
