import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of a size of its own, that can be filled to the brim. */
export interface SmallDisk {
  readonly path: string;
  /** Takes whatever room is left. */
  fill(): void;
  /** Gives back what `fill` took. */
  free(): void;
  /** Unmounts it; what was on it is gone. */
  remove(): void;
}

const CHUNK = Buffer.alloc(64 * 1024, 1);

/**
 * Mounts a tmpfs, which needs root.
 *
 * @throws when this account may not mount.
 */
export function mountSmallDisk(megabytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "omnistore-small-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "omnistore-test", path]);
  chmodSync(path, 0o755);
  const ballast = join(path, "ballast");
  return {
    path,
    fill() {
      const file = openSync(ballast, "a");
      try {
        for (let chunk = CHUNK; chunk.length > 0;) {
          try {
            writeSync(file, chunk);
          } catch (error) {
            if (!isFull(error)) throw error;
            // The last pages are taken one by one.
            chunk = chunk.subarray(0, chunk.length > 4096 ? 4096 : 0);
          }
        }
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    remove() {
      execFileSync("umount", ["--lazy", path]);
      rmdirSync(path);
    },
  };
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}
