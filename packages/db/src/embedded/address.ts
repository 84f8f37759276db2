import { createHash } from "node:crypto";
import { chownSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Account } from "./account.ts";
import { DATABASE, SUPERUSER } from "./postgres-settings.ts";

/** Where a server listens and how clients find it. */
export interface Address {
  readonly settings: Readonly<Record<string, string>>;
  /** Where the socket and its lock lie; absent when the server listens on a port. */
  readonly socketFolder?: string;
  url(password: string, database?: string): string;
  /** To be called when the server is gone. */
  release(): void;
}

/** Room for a path in `sockaddr_un`, without the final zero: 107 bytes on Linux, 103 on macOS. */
const SOCKET_PATH_MAX_BYTES = process.platform === "darwin" ? 103 : 107;

/** The socket lies in a folder of its own, so any fixed number will do. */
const SOCKET_PORT = 5432;

/**
 * A Unix socket in the data directory, which nobody else may enter. If that path is too long, one in a private
 * folder for temporary files; if that cannot be had either, a free port of the loopback interface.
 */
export async function chooseAddress(
  dataDirectory: string,
  account: Account | undefined,
): Promise<Address> {
  if (fitsSocketPath(dataDirectory)) return socketIn(dataDirectory);
  const shortFolder = join(
    tmpdir(),
    `omnistore-${createHash("sha256").update(dataDirectory).digest("hex").slice(0, 16)}`,
  );
  if (fitsSocketPath(shortFolder) && makePrivate(shortFolder, account)) {
    return {
      ...socketIn(shortFolder),
      release: () => rmSync(shortFolder, { recursive: true, force: true }),
    };
  }
  return loopback(await freePort());
}

function fitsSocketPath(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${SOCKET_PORT}`)) <= SOCKET_PATH_MAX_BYTES;
}

function socketIn(folder: string): Address {
  return {
    socketFolder: folder,
    settings: {
      listen_addresses: "",
      port: String(SOCKET_PORT),
      // A list, where a comma separates and quotes protect.
      unix_socket_directories: `"${folder.replaceAll('"', '""')}"`,
      unix_socket_permissions: "0700",
    },
    url: (password, database = DATABASE) =>
      `postgresql://${SUPERUSER}:${password}@/${database}?host=${encodeURIComponent(folder)}&port=${SOCKET_PORT}`,
    release: () => {},
  };
}

function loopback(port: number): Address {
  return {
    settings: { listen_addresses: "127.0.0.1", port: String(port), unix_socket_directories: "" },
    url: (password, database = DATABASE) =>
      `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`,
    release: () => {},
  };
}

/** False when someone else made the folder first, to listen in our place. */
function makePrivate(folder: string, account: Account | undefined): boolean {
  try {
    mkdirSync(folder, 0o700);
    if (account !== undefined) chownSync(folder, account.uid, account.gid);
  } catch {
    // It is there already, or cannot be made: the next look tells.
  }
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return (
    found?.isDirectory() === true &&
    found.uid === (account?.uid ?? process.getuid?.()) &&
    (found.mode & 0o777) === 0o700
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string")
    throw new Error("no free port on the loopback interface");
  return address.port;
}
