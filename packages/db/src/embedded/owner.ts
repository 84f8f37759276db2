import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identityOf } from "./process-table.ts";

/** Which process uses a data directory: its number, and what tells it from a later process with that number. */
interface Owner {
  readonly pid: number;
  readonly identity: string;
}

const OWNER_FILE = "owner.json";

/** Each attempt but the last has lost a race against another process. */
const ATTEMPTS_MAX = 10;

/**
 * Makes this process the owner of the data directory until `release`.
 *
 * @throws when another live process owns it; the owner of a dead one is replaced.
 */
export function claimOwnership(home: string): { release(): void } {
  const file = join(home, OWNER_FILE);
  const mine = JSON.stringify({
    pid: process.pid,
    identity: identityOf(process.pid) ?? "",
  } satisfies Owner);
  for (let attempt = 1; !createExclusively(file, mine); attempt += 1) {
    if (attempt > ATTEMPTS_MAX)
      throw new Error(`too many processes want the data directory ${home} at once`);
    const found = read(file);
    if (found !== undefined) replaceIfDead(file, found, home);
  }
  return {
    release() {
      if (read(file) === mine) rmSync(file);
    },
  };
}

function replaceIfDead(file: string, found: string, home: string): void {
  refuseIfAlive(found, home);
  // Moved, not deleted: of two processes that both saw a dead owner, only one moves that owner's file.
  const moved = `${file}.${process.pid}`;
  try {
    renameSync(file, moved);
  } catch {
    return;
  }
  const content = read(moved) ?? "";
  rmSync(moved, { force: true });
  if (content === found) return;
  createExclusively(file, content);
  refuseIfAlive(content, home);
}

function refuseIfAlive(content: string, home: string): void {
  const owner = parse(content);
  if (owner === undefined || identityOf(owner.pid) !== owner.identity) return;
  throw new Error(
    `the data directory ${home} is in use by another OmniStore, process ${owner.pid}: stop that process, ` +
      "or give this one its own with OMNISTORE_DATA_DIR",
  );
}

function createExclusively(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined when there is no such file. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Undefined for a file that was cut short; its writer was killed while it wrote. */
function parse(content: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value !== "object" || value === null || !("pid" in value) || !("identity" in value))
      return undefined;
    const { pid, identity } = value;
    return typeof pid === "number" && typeof identity === "string" ? { pid, identity } : undefined;
  } catch {
    return undefined;
  }
}
