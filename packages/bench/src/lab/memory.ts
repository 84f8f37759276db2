import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Each look starts a process, which takes time from what is looked at. */
const LOOK_EVERY_MS = 500;

/** Resident memory of a process, megabytes. */
export async function residentMb(pid: number): Promise<number> {
  const { stdout } = await run("ps", ["-o", "rss=", "-p", String(pid)]);
  return (Number(stdout) * 1024) / 1e6;
}

/** The most resident memory of a process while something is going on, looked at now and then. */
export async function peakWhile(pid: number, work: Promise<unknown>): Promise<number> {
  const looks = [residentMb(pid)];
  const timer = setInterval(() => looks.push(residentMb(pid)), LOOK_EVERY_MS);
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
  return Math.max(...(await Promise.all(looks)));
}
