import { errorCode, rootMessage } from "./error-code.ts";

const ELSEWHERE = "choose another with OMNISTORE_DATA_DIR";
const notOurs = `cannot be written by this user: start OmniStore as the user who made it, or ${ELSEWHERE}`;
const isFile = `is a file or lies below one, and a folder is needed: ${ELSEWHERE}`;

/** By the codes of Node's file system. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: notOurs,
  EPERM: notOurs,
  EROFS: `is on a file system that is read-only: ${ELSEWHERE}`,
  ENOENT: `cannot be made where it is: ${ELSEWHERE}`,
  EEXIST: isFile,
  ENOTDIR: isFile,
  ELOOP: `leads in a circle of links: ${ELSEWHERE}`,
  ENAMETOOLONG: `has too long a name: ${ELSEWHERE}`,
  ENOSPC: `is on a disk that is full: make room, or ${ELSEWHERE}`,
  EDQUOT: `is beyond the quota of this user: make room, or ${ELSEWHERE}`,
};

/** Why the data directory cannot be used, and what to do about it. */
export function dataDirectoryProblem(folder: string, error: unknown): string {
  const code = errorCode(error);
  const words = Object.entries(WORDS).find(([known]) => known === code)?.[1];
  return `the data directory ${folder} ${words ?? `cannot be used (${rootMessage(error)}): ${ELSEWHERE}`}`;
}

/** For data that are there, but not of the PostgreSQL that comes with this version; null when they are. */
export function dataVersionProblem(
  folder: string,
  found: string | undefined,
  ours: string,
): string | null {
  if (found === ours) return null;
  if (found === undefined || !/^\d+$/.test(found)) {
    return `the folder ${folder} holds no data of OmniStore's PostgreSQL: move it away, or ${ELSEWHERE}`;
  }
  return (
    `the data in ${folder} were made by PostgreSQL ${found}, and this OmniStore brings ${ours}: start the OmniStore ` +
    `that made them, copy them over with pg_dump and psql, or ${ELSEWHERE}`
  );
}
