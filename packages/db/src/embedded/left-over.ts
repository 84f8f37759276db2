import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { commandLineOf, isTaken } from "./process-table.ts";
import { stopServer } from "./server-process.ts";

/**
 * Clears what an owner that was killed left behind. A server still running on the data directory is stopped. Lock
 * files whose process number meanwhile belongs to some other program are deleted, as Postgres would take them for
 * valid; those of a dead process are left to Postgres, which also looks for survivors of that server.
 * Only the owner of the data directory may call this.
 */
export async function clearLeftOvers(
  dataDirectory: string,
  socketFolder: string | undefined,
): Promise<void> {
  const serverLock = join(dataDirectory, "postmaster.pid");
  const serverPid = pidIn(serverLock);
  if (serverPid !== undefined && isServerOf(serverPid, dataDirectory)) await stopServer(serverPid);
  deleteIfMisleading(serverLock);
  if (socketFolder !== undefined) deleteIfMisleading(join(socketFolder, ".s.PGSQL.5432.lock"));
}

function deleteIfMisleading(lock: string): void {
  const pid = pidIn(lock);
  if (pid !== undefined && isTaken(pid)) rmSync(lock);
}

function isServerOf(pid: number, dataDirectory: string): boolean {
  const commandLine = commandLineOf(pid);
  return (
    commandLine !== undefined &&
    commandLine.includes("postgres") &&
    commandLine.includes(` -D ${dataDirectory} `)
  );
}

function pidIn(lock: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(lock, "utf8"), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
