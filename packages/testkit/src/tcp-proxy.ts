import { connect, createServer, type Socket } from "node:net";

import pg from "pg";

/** A way to the database that can go dead without a word. */
export interface TcpProxy {
  /** The database of the given address, by way of the proxy. */
  readonly url: string;
  /** From now on nothing is passed on, in either direction, and nothing is closed. */
  freeze(): void;
  /** New connections work again; those that were frozen stay dead for good. */
  thaw(): void;
  close(): Promise<void>;
}

/** Stands between a process and its database, as a firewall does that forgets its connections. `listenOn` 0: any free port. */
export async function startTcpProxy(databaseUrl: string, listenOn = 0): Promise<TcpProxy> {
  const { host, port, user, password, database } = new pg.Client({ connectionString: databaseUrl });
  const open = new Set<Socket>();
  let isFrozen = false;
  const server = createServer((near) => {
    open.add(near);
    near.on("error", () => undefined);
    near.once("close", () => open.delete(near));
    if (isFrozen) return;
    const far = host.startsWith("/")
      ? connect(`${host}/.s.PGSQL.${port}`)
      : connect({ host, port });
    open.add(far);
    far.on("error", () => near.destroy());
    far.once("close", () => {
      open.delete(far);
      near.destroy();
    });
    near.once("close", () => far.destroy());
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(listenOn, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    url: `postgresql://${user}:${password}@127.0.0.1:${address.port}/${database}`,
    freeze() {
      isFrozen = true;
      for (const socket of open) {
        socket.unpipe();
        socket.pause();
      }
    },
    thaw() {
      isFrozen = false;
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
