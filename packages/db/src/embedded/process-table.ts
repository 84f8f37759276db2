import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Tells one run of a process from a later process with the same number. Undefined when no such process is alive.
 */
export function identityOf(pid: number): string | undefined {
  if (process.platform !== "linux") return ps(pid, "lstart");
  const stat = readProc(`${pid}/stat`);
  // The name in brackets may contain anything, so fields are counted from its end: state first, start time 20th.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields === undefined || fields[0] === "Z") return undefined;
  return `${readProc("sys/kernel/random/boot_id")?.trim()} ${fields[19]}`;
}

/** The words that started a process, one space between them. Undefined when no such process is alive. */
export function commandLineOf(pid: number): string | undefined {
  if (process.platform !== "linux") return ps(pid, "args");
  // Empty for a process that ended and waits for its parent to notice.
  return readProc(`${pid}/cmdline`)?.replaceAll("\0", " ") || undefined;
}

/** Whether the number is taken, if only by a process that ended and waits for its parent to notice. */
export function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(`/proc/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

function ps(pid: number, column: string): string | undefined {
  try {
    return (
      execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" }).trim() ||
      undefined
    );
  } catch {
    return undefined;
  }
}
