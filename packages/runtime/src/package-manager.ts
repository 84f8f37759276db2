import { readFileSync } from "node:fs";

const CHECK_INTERVAL_MS = 1_000;

/**
 * npm and pnpm do not always pass a signal on to the script they run, so a script that outlives them would run
 * for ever. Calls `onGone` once when any package manager above this process ends; does nothing when there is none.
 */
export function watchPackageManager(env: NodeJS.ProcessEnv, onGone: () => void): void {
  if (env["npm_lifecycle_event"] === undefined) return;
  const ancestors = ancestorsUpToPackageManager();
  const timer = setInterval(() => {
    if (isUnbroken(ancestors)) return;
    clearInterval(timer);
    onGone();
  }, CHECK_INTERVAL_MS);
  timer.unref();
}

/**
 * The parent of this process, and further up as long as a process was itself started by a package manager, as
 * with `npx pnpm start`: npx → sh → pnpm → sh → node. Without /proc, the parent alone.
 */
function ancestorsUpToPackageManager(): readonly number[] {
  const ancestors = [process.ppid];
  for (let pid = process.ppid; wasStartedByPackageManager(pid);) {
    const parent = parentOf(pid);
    if (parent === undefined || parent <= 1) break;
    ancestors.push(parent);
    pid = parent;
  }
  return ancestors;
}

/** A process whose parent ends is given another parent, so the chain shows every death in it. */
function isUnbroken(ancestors: readonly number[]): boolean {
  if (process.ppid !== ancestors[0]) return false;
  return ancestors.every(
    (pid, index) => index === ancestors.length - 1 || parentOf(pid) === ancestors[index + 1],
  );
}

function wasStartedByPackageManager(pid: number): boolean {
  return readProc(pid, "environ")?.includes("\0npm_lifecycle_event=") ?? false;
}

function parentOf(pid: number): number | undefined {
  const parent = /^PPid:\s+(\d+)$/m.exec(readProc(pid, "status") ?? "")?.[1];
  return parent === undefined ? undefined : Number(parent);
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return `\0${readFileSync(`/proc/${pid}/${file}`, "utf8")}`;
  } catch {
    return undefined;
  }
}
