import { errorCode, rootMessage } from "./error-code.ts";

/** Where a connection was to lead, without the password. */
export interface DatabaseTarget {
  /** A name, an address, or the folder of a socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

type Words = (target: DatabaseTarget, said: string) => string;

const unanswered: Words = (target) =>
  `${at(target)} does not answer: see that the host and port of DATABASE_URL are right and that no firewall is between`;
const hungUp: Words = (target) =>
  `${at(target)} hung up: see that a PostgreSQL is there, and read its log`;
const untrusted: Words = (target, said) =>
  `the TLS certificate of ${at(target)} is not trusted (${said}): name the one that issued it by ` +
  "sslrootcert=/path/to/ca.pem in DATABASE_URL, with the host as the certificate names it";

/** What PostgreSQL can be short of, whichever it is: SQLSTATE class 53. */
const SHORTAGES: ReadonlyMap<string | undefined, (said: string) => string> = new Map([
  [
    "53100",
    (said: string) =>
      `PostgreSQL has no room left on its disk (${said}): make some, or give it a larger one`,
  ],
  [
    "53200",
    (said: string) =>
      `PostgreSQL has no memory left (${said}): give its machine more, or lower its work_mem and max_connections`,
  ],
  [
    "53300",
    (said: string) =>
      `PostgreSQL has no connection left (${said}): raise its max_connections, or the CONNECTION LIMIT ` +
      "that it names, or see who else holds them",
  ],
  [
    "53400",
    (said: string) =>
      `PostgreSQL met a limit of its configuration (${said}): raise the one that it names`,
  ],
]);

/** By the codes of Node's sockets, of DNS and TLS, and of PostgreSQL (its appendix A). */
const WORDS: Readonly<Record<string, Words>> = {
  ECONNREFUSED: (target, said) =>
    `no PostgreSQL listens at ${at(target)} (${said}): start it, or correct the host and port of DATABASE_URL`,
  ENOENT: (target, said) =>
    `no PostgreSQL listens at ${at(target)} (${said}): start it, or correct the path in DATABASE_URL`,
  ENOTFOUND: ({ host }) =>
    `no name server knows the host "${host}" of DATABASE_URL: correct the name, or write an address`,
  EAI_AGAIN: ({ host }) =>
    `the name servers of this machine do not answer for the host "${host}" of DATABASE_URL: mend them, or write an address`,
  ETIMEDOUT: unanswered,
  EHOSTUNREACH: unanswered,
  ENETUNREACH: unanswered,
  ECONNRESET: hungUp,
  EPIPE: hungUp,
  "28P01": (target) =>
    `PostgreSQL at ${at(target)} refuses the password of the user "${target.user}": correct both in DATABASE_URL`,
  "28000": (target, said) =>
    `PostgreSQL at ${at(target)} lets the user "${target.user}" not in (${said}): ` +
    "correct DATABASE_URL, or allow it on the server",
  "3D000": (target) =>
    `PostgreSQL at ${at(target)} has no database "${target.database}": ` +
    "correct DATABASE_URL, or create it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
  "42501": ({ user, database }, said) =>
    `the user "${user}" may not set up the database "${database}" (${said}): make it the owner, ` +
    "by ALTER DATABASE … OWNER TO …, and the owner of what OmniStore made there before",
  "25006": (target) =>
    `PostgreSQL at ${at(target)} takes no changes, as a replica does: name the primary in DATABASE_URL`,
  "57P03": (target, said) => `PostgreSQL at ${at(target)} is not ready (${said}): try again`,
  CERT_HAS_EXPIRED: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  ERR_TLS_CERT_ALTNAME_INVALID: untrusted,
};

/** By what the driver says where it gives no code. */
const DRIVER_WORDS: readonly (readonly [said: RegExp, Words])[] = [
  [
    /password must be a/,
    (target) =>
      `PostgreSQL at ${at(target)} asks for a password: write one into DATABASE_URL, as in postgresql://user:password@…`,
  ],
  [
    /does not support SSL/,
    (target) =>
      `PostgreSQL at ${at(target)} speaks no TLS: switch it on there, or take sslmode out of DATABASE_URL`,
  ],
  [/timeout expired|Query read timeout/, unanswered],
  [/^Connection terminated/, hungUp],
];

/** What is wrong with the database and what to do about it; undefined for what has no words of its own. */
export function databaseProblem(error: unknown, target: DatabaseTarget): string | undefined {
  const said = rootMessage(error);
  const code = errorCode(error);
  const words =
    code === undefined
      ? DRIVER_WORDS.find(([pattern]) => pattern.test(said))?.[1]
      : Object.entries(WORDS).find(([known]) => known === code)?.[1];
  return words?.(target, said) ?? databaseShortage(error);
}

/** What the database is short of (disk, memory, connections) and what to do about it; undefined where it is not that. */
export function databaseShortage(error: unknown): string | undefined {
  return SHORTAGES.get(errorCode(error))?.(rootMessage(error));
}

function at({ host, port }: DatabaseTarget): string {
  if (host.startsWith("/")) return `the socket of port ${port} in ${host}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Why a `DATABASE_URL` cannot even be read: its shape, or a file of a certificate that it names. */
export function connectionUrlProblem(error: unknown): string {
  const said = rootMessage(error);
  if (errorCode(error) === "ENOENT" || errorCode(error) === "EACCES") {
    return `DATABASE_URL names a file that cannot be read (${said}): correct its path`;
  }
  return (
    `DATABASE_URL cannot be read (${said}): write it as postgresql://user:password@host:5432/database, ` +
    "with %40 for an @ in the password and so on"
  );
}
