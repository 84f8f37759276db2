import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** An account of the operating system that programs are run as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Accounts that every Linux has; the first one that exists is taken. */
const UNPRIVILEGED_NAMES = ["postgres", "nobody"];

/**
 * Postgres refuses to run as root. For root: the owner of the data when there are data, otherwise an unprivileged
 * account. Undefined for anyone else, who runs Postgres as themselves.
 *
 * @throws when root finds no account to hand Postgres to.
 */
export function accountForPostgres(dataDirectory: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(dataDirectory, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const passwd = readFileSync("/etc/passwd", "utf8");
  for (const name of UNPRIVILEGED_NAMES) {
    const account = findAccount(passwd, name);
    if (account !== undefined) return account;
  }
  throw new Error(
    `PostgreSQL refuses to run as root, and neither account ${UNPRIVILEGED_NAMES.join(" nor ")} exists: ` +
      "start OmniStore as an ordinary user, or set DATABASE_URL",
  );
}

/** The account of that name in the text of /etc/passwd, unless it is root under another name. */
export function findAccount(passwd: string, name: string): Account | undefined {
  const fields = passwd
    .split("\n")
    .find((line) => line.startsWith(`${name}:`))
    ?.split(":");
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
  return Number.isInteger(uid) && Number.isInteger(gid) && uid > 0 ? { uid, gid } : undefined;
}

/** Whether the account may pass through every directory from the root down to this one. */
export function canReach(directory: string, account: Account): boolean {
  const parent = dirname(directory);
  if (parent !== directory && !canReach(parent, account)) return false;
  const { mode, uid, gid } = statSync(directory);
  if (uid === account.uid) return (mode & 0o100) !== 0;
  if (gid === account.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}
