import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  readlinkSync,
  renameSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { canReach } from "./account.ts";
import type { Account } from "./account.ts";
import { makeFolder } from "./make-folder.ts";
import { SHARED_ROOT } from "./shared-root.ts";

/**
 * Where Postgres keeps its files: `<home>/postgres`. If its account cannot reach `home`, that is a symbolic link to
 * a folder under /var/lib/omnistore.
 */
export function placeDataDirectory(
  home: string,
  account: Account | undefined,
  report: (text: string) => void,
): string {
  const place = join(home, "postgres");
  const linked = linkTarget(place);
  if (linked !== undefined) {
    makeParent(linked, account);
    return linked;
  }
  if (account === undefined || existsSync(place) || canReach(home, account)) return place;

  const name = createHash("sha256").update(home).digest("hex").slice(0, 16);
  const target = join(SHARED_ROOT, name, "postgres");
  if (existsSync(target)) {
    // The link was deleted, so a fresh start is wanted. Data are set aside rather than destroyed.
    const aside = `${target}.unlinked-${Date.now()}`;
    renameSync(target, aside);
    report(`Moved the data of an earlier start to ${aside}`);
  }
  makeParent(target, account);
  symlinkSync(target, place);
  report(`Keeping the data in ${target}, as the account of PostgreSQL cannot reach ${place}`);
  return target;
}

function makeParent(target: string, account: Account | undefined): void {
  makeFolder(SHARED_ROOT, 0o755);
  const parent = dirname(target);
  makeFolder(parent);
  chmodSync(parent, 0o700);
  if (account !== undefined) chownSync(parent, account.uid, account.gid);
}

function linkTarget(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
    ? readlinkSync(path)
    : undefined;
}
