import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

import { ANYWHERE, publicOnly } from "@omnistore/domain/deliver/destination-policy";
import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import { HOSTILE_ADDRESSES, HOSTILE_DESTINATIONS } from "@omnistore/testkit/hostile-destinations";
import { startNameServer, type NameServer } from "@omnistore/testkit/name-server";
import { startRawReceiver, type RawReceiver } from "@omnistore/testkit/raw-receiver";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { deliver } from "./deliver.ts";
import { createHttpClient, type HttpClient } from "./http-client.ts";

let names: NameServer;
let receiver: Receiver;
let port: string;
beforeAll(async () => {
  names = await startNameServer();
  receiver = await startReceiver();
  ({ port } = new URL(receiver.url));
});
afterAll(async () => {
  names.close();
  await receiver.close();
});

/** Addresses that a socket of this process began to connect to. */
const connections: string[] = [];
const watch = (message: unknown) => {
  const { socket } = message as { socket: Socket };
  socket.on("connectionAttempt", (address: string) => connections.push(address));
};
beforeEach(() => {
  connections.length = 0;
  subscribe("net.client.socket", watch);
});
afterEach(() => void unsubscribe("net.client.socket", watch));

async function attempt(url: string, policy: DestinationPolicy, client = clientOf(policy)) {
  const request = { url, method: "POST", headers: [], body: Buffer.from("x") };
  try {
    return await deliver(request, { client, timeoutMs: 5_000, captureBytes: 1_000 });
  } finally {
    await client.destroy();
  }
}

function clientOf(policy: DestinationPolicy): HttpClient {
  return createHttpClient({ policy, resolver: names.resolver });
}

const LOCAL = publicOnly({ openNetworks: ["127.0.0.1/32"] });

describe("an attempt opens no connection", () => {
  test.each(HOSTILE_DESTINATIONS)("to %j", async ({ url }) => {
    await expect(attempt(url, publicOnly())).resolves.toMatchObject({
      kind: "failure",
      code: "refused-address",
    });
    expect(connections).toEqual([]);
  });

  test.each(HOSTILE_ADDRESSES)("to a name that resolves to %s", async (address) => {
    names.reply("hostile.test", () => [address]);
    await expect(attempt("http://hostile.test/", publicOnly())).resolves.toEqual({
      kind: "failure",
      code: "refused-address",
      error: expect.stringMatching(
        /^refused: hostile.test resolves to [0-9a-f:.]+, which is not a public address$/,
      ) as string,
    });
    expect(connections).toEqual([]);
  });

  test.each([
    [["8.8.8.8", "10.0.0.1"]],
    [["10.0.0.1", "8.8.8.8"]],
    [["8.8.8.8", "8.8.4.4", "1.1.1.1", "9.9.9.9", "1.0.0.1", "192.168.0.1"]],
    [["8.8.8.8", "fe80::1"]],
    [["2606:4700::1111", "127.0.0.1"]],
    [["2606:4700::1111", "::ffff:10.0.0.1"]],
  ])("to a name of which any address is private: %j", async (addresses) => {
    names.reply("mixed.test", () => addresses);
    const result = await attempt("https://mixed.test/", publicOnly());
    expect(result).toMatchObject({ code: "refused-address" });
    expect(connections).toEqual([]);
  });

  test("over a client that is used without a check of the URL before", async () => {
    const client = clientOf(publicOnly());
    for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"]) {
      const lax = { ...client, policy: ANYWHERE };
      const request = {
        url: `http://${host}:${port}/`,
        method: "GET",
        headers: [],
        body: Buffer.alloc(0),
      };
      const options = { client: lax, timeoutMs: 5_000, captureBytes: 10 };
      await expect(deliver(request, options)).resolves.toMatchObject({ code: "refused-address" });
    }
    expect(connections).toEqual([]);
    await client.destroy();
  });
});

describe("a name", () => {
  let elsewhere: RawReceiver;
  beforeAll(async () => {
    // The same port on another address: where a second look-up would lead.
    elsewhere = await startRawReceiver((socket) => socket.end(), { greet: true });
  });
  afterAll(() => elsewhere.close());

  test("is looked up once for a connection, which goes to the address that was judged", async () => {
    names.reply("rebind.test", (asked) => (asked === 0 ? ["127.0.0.1"] : ["169.254.169.254"]));
    const before = names.questions.length;
    const client = clientOf(LOCAL);
    const url = `http://rebind.test:${port}/once`;
    await expect(attempt(url, LOCAL, client)).resolves.toMatchObject({ status: 200 });
    expect(names.questions.slice(before).toSorted()).toEqual(["A rebind.test", "AAAA rebind.test"]);
    expect(receiver.requests.at(-1)?.headers.host).toBe(`rebind.test:${port}`);
  });

  test("is judged again for the next connection, and refused when it has moved", async () => {
    names.reply("moving.test", (asked) => (asked === 0 ? ["127.0.0.1"] : ["127.0.0.2"]));
    const url = `http://moving.test:${port}/`;
    await expect(attempt(url, LOCAL)).resolves.toMatchObject({ status: 200 });
    await expect(attempt(url, LOCAL)).resolves.toMatchObject({
      code: "refused-address",
      error: expect.stringContaining("127.0.0.2") as string,
    });
  });

  test("that does not exist, or whose servers are silent, is a failure in words", async () => {
    names.reply("silent.test", () => "silent");
    names.reply("empty.test", () => []);
    for (const host of ["missing.test", "silent.test", "empty.test"]) {
      await expect(attempt(`http://${host}/`, LOCAL)).resolves.toMatchObject({
        code: "dns",
        error: expect.stringMatching(`^unable to resolve host: .*${host}`) as string,
      });
    }
    expect(connections).toEqual([]);
  });

  test("of silent servers holds up nobody else", async () => {
    const client = clientOf(LOCAL);
    const slow = Array.from({ length: 50 }, (_, index) => `silent-${index}.test`);
    for (const host of slow) names.reply(host, () => "silent");
    names.reply("quick.test", () => ["127.0.0.1"]);
    const ended: string[] = [];
    const send = async (host: string) => {
      const url = `http://${host}:${port}/`;
      const request = { url, method: "POST", headers: [], body: Buffer.alloc(0) };
      await deliver(request, { client, timeoutMs: 5_000, captureBytes: 10 });
      ended.push(host);
    };
    await Promise.all([...slow, "quick.test"].map(send));
    expect(ended[0]).toBe("quick.test");
    await client.destroy();
  });

  test("with many addresses is knocked at a few times only", async () => {
    const closed = new URL(`http://many.test:${elsewhere.port}`);
    await elsewhere.close();
    names.reply("many.test", () =>
      Array.from({ length: 20 }, (_, index) => `127.0.0.${index + 1}`),
    );
    const policy = publicOnly({ openNetworks: ["127.0.0.0/27"] });
    await expect(attempt(closed.href, policy)).resolves.toMatchObject({ code: "connect" });
    expect(connections).toEqual(["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]);
  });
});

describe("what an operator opened is reached", () => {
  test.each(["127.0.0.1", "localhost", "2130706433", "named.test"])("as %s", async (host) => {
    names.reply("named.test", () => ["127.0.0.1"]);
    const url = `http://${host}:${port}/`;
    await expect(attempt(url, LOCAL)).resolves.toMatchObject({ kind: "response", status: 200 });
  });

  test("and nothing beside it", async () => {
    const beside = await startRawReceiver((socket) => socket.end(), { greet: true });
    for (const host of ["[::1]", "127.0.0.2", "[::ffff:127.0.0.1]"]) {
      const result = await attempt(`http://${host}:${beside.port}/`, LOCAL);
      expect(result).toMatchObject({ code: "refused-address" });
    }
    expect(beside.seen.connections).toBe(0);
    await beside.close();
  });
});

test("a destination is sent as it is written, and what no request line can hold is escaped", async () => {
  const before = receiver.requests.length;
  await attempt(`${receiver.url}/a%2Fb/../ü€?x="1"&y=%zz#fragment`, ANYWHERE);
  await attempt(`${receiver.url}?only=query`, ANYWHERE);
  const urls = receiver.requests.slice(before).map(({ url }) => url);
  expect(urls).toEqual(['/a%2Fb/../%C3%BC%E2%82%AC?x="1"&y=%zz', "/?only=query"]);
});
