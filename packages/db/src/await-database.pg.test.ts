import { createServer } from "node:net";

import { freshDatabase, withDatabase, type FreshDatabase } from "@omnistore/testkit/postgres";
import { startTcpProxy } from "@omnistore/testkit/tcp-proxy";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { awaitDatabase } from "./await-database.ts";

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

/** What a server says to everybody until it has recovered. */
const STARTING_UP = (() => {
  const fields = "SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeUInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, Buffer.from(fields)]);
})();

/** Somebody at that port who is not ready, and leaves once the first who asked was told so. */
async function refuseOnce(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(STARTING_UP));
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await new Promise((resolve) => server.once("close", resolve));
}

/** An address where nobody is, which may be taken later. */
async function freeAddress(): Promise<{ readonly url: string; readonly port: number }> {
  const proxy = await startTcpProxy(database.url);
  await proxy.close();
  return { url: proxy.url, port: Number(/:(\d+)\/[^/]*$/.exec(proxy.url)?.[1]) };
}

describe("a process that starts", () => {
  test("waits for nothing when its database is there", async () => {
    const onWaiting = vi.fn<(reason: string) => void>();
    await awaitDatabase({ databaseUrl: database.url, onWaiting });
    expect(onWaiting).not.toHaveBeenCalled();
  });

  test("waits while nobody listens and while the server recovers, and says so once", async () => {
    const { url, port } = await freeAddress();
    const onWaiting = vi.fn<(reason: string) => void>();
    const ended = vi.fn<() => void>();
    const waiting = awaitDatabase({ databaseUrl: url, onWaiting }).then(ended);
    await vi.waitFor(() => expect(onWaiting).toHaveBeenCalledOnce());
    await refuseOnce(port);
    expect(ended).not.toHaveBeenCalled();
    const proxy = await startTcpProxy(database.url, port);
    await waiting;
    expect(onWaiting).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("ECONNREFUSED"));
    await proxy.close();
  });

  test("does not wait for what waiting cannot mend", async () => {
    const onWaiting = vi.fn<(reason: string) => void>();
    await awaitDatabase({ databaseUrl: withDatabase(database.url, "nowhere"), onWaiting });
    expect(onWaiting).not.toHaveBeenCalled();
  });

  test("gives up in the end, so that somebody is told why", async () => {
    const onWaiting = vi.fn<(reason: string) => void>();
    const { url } = await freeAddress();
    await awaitDatabase({ databaseUrl: url, onWaiting, limitMs: 300 });
    expect(onWaiting).toHaveBeenCalledOnce();
  });
});
