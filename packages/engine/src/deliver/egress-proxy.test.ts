import { createServer } from "node:https";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

import { publicOnly } from "@omnistore/domain/deliver/destination-policy";
import { createAuthority } from "@omnistore/testkit/certificates";
import { startConnectProxy } from "@omnistore/testkit/connect-proxy";
import { HOSTILE_ADDRESSES, HOSTILE_DESTINATIONS } from "@omnistore/testkit/hostile-destinations";
import { startNameServer, type NameServer } from "@omnistore/testkit/name-server";
import { portOf } from "@omnistore/testkit/port-of";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { deliver } from "./deliver.ts";
import { createHttpClient } from "./http-client.ts";

let names: NameServer;
let receiver: Receiver;
beforeAll(async () => {
  names = await startNameServer();
  receiver = await startReceiver();
});
afterAll(async () => {
  names.close();
  await receiver.close();
});

const LOCAL = publicOnly({ openNetworks: ["127.0.0.1/32"] });

async function through(egressProxy: string, url: string, policy = LOCAL, timeoutMs = 5_000) {
  const client = createHttpClient({
    policy,
    egressProxy: new URL(egressProxy),
    resolver: names.resolver,
  });
  try {
    const request = { url, method: "POST", headers: ["X-Test", "1"], body: Buffer.from("body") };
    return await deliver(request, { client, timeoutMs, captureBytes: 1_000 });
  } finally {
    await client.destroy();
  }
}

describe("through an egress proxy", () => {
  test("a delivery arrives as it is, and the proxy is told an address instead of a name", async () => {
    const proxy = await startConnectProxy();
    names.reply("named.test", () => ["127.0.0.1"]);
    const { port } = new URL(receiver.url);
    const url = `http://named.test:${port}/path?a=b`;
    const result = await through(`http://user:p%40ss@127.0.0.1:${proxy.port}`, url);
    expect(result).toMatchObject({ kind: "response", status: 200 });
    expect(proxy.asked).toEqual([
      {
        target: `127.0.0.1:${port}`,
        authorization: `Basic ${Buffer.from("user:p@ss").toString("base64")}`,
      },
    ]);
    const request = receiver.requests.at(-1);
    expect(request).toMatchObject({ url: "/path?a=b", headers: { host: `named.test:${port}` } });
    expect(request?.body.toString()).toBe("body");
    expect(request?.rawHeaders.join()).not.toMatch(/proxy/i);
    await proxy.close();
  });

  test("TLS goes from end to end, checked against the name", async () => {
    const authority = await createAuthority();
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, authority.cert]);
    const secure = createServer(await authority.issue(["secure.test"]), (_request, response) =>
      response.end("over TLS"),
    );
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    const port = portOf(secure);
    const proxy = await startConnectProxy();
    for (const name of ["secure.test", "other.test"]) names.reply(name, () => ["127.0.0.1"]);
    const by = `http://127.0.0.1:${proxy.port}`;
    await expect(through(by, `https://secure.test:${port}/`)).resolves.toMatchObject({
      status: 200,
      body: Buffer.from("over TLS"),
    });
    await expect(through(by, `https://other.test:${port}/`)).resolves.toMatchObject({
      code: "tls",
      error: expect.stringContaining("other.test") as string,
    });
    await proxy.close();
    secure.closeAllConnections();
    secure.close();
    setDefaultCACertificates(before);
  });

  test("nothing is asked for that may not be reached directly", async () => {
    const proxy = await startConnectProxy();
    const by = `http://127.0.0.1:${proxy.port}`;
    for (const { url } of HOSTILE_DESTINATIONS) {
      await expect(through(by, url, publicOnly())).resolves.toMatchObject({
        code: "refused-address",
      });
    }
    for (const address of HOSTILE_ADDRESSES) {
      names.reply("hostile.test", () => ["8.8.8.8", address]);
      await expect(through(by, "http://hostile.test/", publicOnly())).resolves.toMatchObject({
        code: "refused-address",
      });
    }
    expect(proxy.asked).toEqual([]);
    await proxy.close();
  });

  test("the next address of a name is tried when the proxy does not reach the first", async () => {
    const { port } = new URL(receiver.url);
    const proxy = await startConnectProxy((target) =>
      target.startsWith("127.0.0.2:") ? 502 : undefined,
    );
    names.reply("two.test", () => ["127.0.0.2", "127.0.0.1"]);
    const policy = publicOnly({ openNetworks: ["127.0.0.0/30"] });
    const url = `http://two.test:${port}/`;
    await expect(through(`http://127.0.0.1:${proxy.port}`, url, policy)).resolves.toMatchObject({
      status: 200,
    });
    expect(proxy.asked.map(({ target }) => target)).toEqual([
      `127.0.0.2:${port}`,
      `127.0.0.1:${port}`,
    ]);
    await proxy.close();
  });

  test.each([
    [407, "the egress proxy answered 407"],
    [502, "the egress proxy answered 502"],
    [302, "the egress proxy answered 302"],
    ["reset", "the egress proxy could not be reached"],
  ] as const)("a proxy that answers %s is a failure in words", async (refusal, error) => {
    const proxy = await startConnectProxy(() => refusal);
    await expect(through(`http://127.0.0.1:${proxy.port}`, receiver.url)).resolves.toEqual({
      kind: "failure",
      code: "connect",
      error,
    });
    await proxy.close();
  });

  test("a proxy that is not there, or never answers, costs no more than the attempt's time", async () => {
    const gone = await startConnectProxy();
    await gone.close();
    await expect(through(`http://127.0.0.1:${gone.port}`, receiver.url)).resolves.toMatchObject({
      error: "the egress proxy could not be reached",
    });
    const silent = await startConnectProxy(() => "hang");
    const result = await through(`http://127.0.0.1:${silent.port}`, receiver.url, LOCAL, 300);
    expect(result).toMatchObject({ code: "timeout" });
    await silent.close();
  });
});
