import { createServer } from "node:https";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { gzipSync } from "node:zlib";

import { ANYWHERE } from "@omnistore/domain/deliver/destination-policy";
import { RESPONSE_CAPTURE_BYTES } from "@omnistore/domain/message/limits";
import {
  createAuthority,
  selfSign,
  type Authority,
  type Certificate,
} from "@omnistore/testkit/certificates";
import { portOf } from "@omnistore/testkit/port-of";
import { startRawReceiver } from "@omnistore/testkit/raw-receiver";
import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { deliver, type DeliverOptions } from "./deliver.ts";
import { createHttpClient, type HttpClient } from "./http-client.ts";

let client: HttpClient;
beforeAll(() => {
  client = createHttpClient({ policy: ANYWHERE });
});
afterAll(() => client.destroy());

interface Limits {
  readonly timeoutMs?: number;
  readonly captureBytes?: number;
  readonly greet?: boolean;
}

/** One attempt at a receiver that answers by hand; with how long it took and what was sent to it. */
async function attempt(answer: (socket: Socket) => unknown, limits: Limits = {}) {
  const { timeoutMs = 5_000, captureBytes = 1_000, greet = false } = limits;
  const receiver = await startRawReceiver(answer, { greet });
  const startedAt = performance.now();
  const request = {
    url: `http://127.0.0.1:${receiver.port}/`,
    method: "POST",
    headers: [],
    body: Buffer.from("body"),
  };
  const result = await deliver(request, { client, timeoutMs, captureBytes });
  const tookMs = performance.now() - startedAt;
  const { connections } = receiver.seen;
  await receiver.close();
  return { result, tookMs, connections };
}

/** Writes again and again until the other side is gone. Returns how many bytes that took. */
function pour(socket: Socket, chunk: Buffer): { written: number } {
  const poured = { written: 0 };
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk)) poured.written += chunk.length;
  };
  socket.on("drain", more);
  more();
  return poured;
}

type AskRoom = NonNullable<DeliverOptions["askRoom"]>;

const OK = "HTTP/1.1 200 OK\r\n";

/** A receiver that answers one request with that head and, for ever, that chunk. */
async function startPouring(head: string, chunk: Buffer) {
  let poured = { written: 0 };
  const receiver = await startRawReceiver((socket) => {
    socket.write(`${OK}${head}\r\n\r\n`);
    poured = pour(socket, chunk);
  });
  const url = `http://127.0.0.1:${receiver.port}/`;
  const request = { url, method: "POST", headers: [], body: Buffer.alloc(0) };
  return { request, written: () => poured.written, close: () => receiver.close() };
}

describe("the size of an answer", () => {
  test("is cut at the cap while it streams, and the connection is broken off", async () => {
    let poured = { written: 0 };
    const broken = Promise.withResolvers<void>();
    const receiver = await startRawReceiver((socket) => {
      socket.on("close", () => broken.resolve());
      socket.write(`${OK}Content-Length: 9999999999\r\n\r\n`);
      poured = pour(socket, Buffer.alloc(16_384, "a"));
    });
    const url = `http://127.0.0.1:${receiver.port}/`;
    const request = { url, method: "POST", headers: [], body: Buffer.alloc(0) };
    const limits = { client, timeoutMs: 5_000, captureBytes: 100_000 };
    const result = await deliver(request, limits);
    expect(result).toMatchObject({ status: 200, body: Buffer.alloc(100_000, "a") });
    await broken.promise;
    // What the kernel and the sockets held, and no more than that.
    expect(poured.written).toBeLessThan(16 * 1024 * 1024);
    await receiver.close();
  });

  describe("beyond what logs keep", () => {
    test("is read when there is room, not before, and then whole", async () => {
      const length = 20_000_000;
      const receiver = await startPouring(`Content-Length: ${length}`, Buffer.alloc(16_384, "a"));
      const room = Promise.withResolvers<boolean>();
      const askRoom = vi.fn<AskRoom>(() => room.promise);
      const limits = { client, timeoutMs: 5_000, captureBytes: 30_000_000, askRoom };
      const delivered = deliver(receiver.request, limits);
      // It writes until every buffer is full, and then no more.
      const stuck = await until(async () => {
        const before = receiver.written();
        await sleep(100);
        return before > 0 && before === receiver.written() && before;
      });
      expect(stuck).toBeLessThan(16 * 1024 * 1024);
      room.resolve(true);
      const result = await delivered;
      const body = result.kind === "response" ? result.body : Buffer.alloc(0);
      expect(body.equals(Buffer.alloc(length, "a"))).toBe(true);
      expect(askRoom.mock.calls).toEqual([[length]]);
      await receiver.close();
    });

    test("is cut when there is no room", async () => {
      const chunk = Buffer.from(`1000\r\n${"b".repeat(4096)}\r\n`);
      const receiver = await startPouring("Transfer-Encoding: chunked", chunk);
      const askRoom = vi.fn<AskRoom>(async () => false);
      const limits = { client, timeoutMs: 5_000, captureBytes: 10_000_000, askRoom };
      const result = await deliver(receiver.request, limits);
      expect(askRoom.mock.calls).toEqual([[10_000_000]]);
      const bytes = result.kind === "response" ? result.body.length : 0;
      expect(bytes).toBeGreaterThan(RESPONSE_CAPTURE_BYTES);
      // One read of a socket more, at most.
      expect(bytes).toBeLessThanOrEqual(RESPONSE_CAPTURE_BYTES + 64 * 1024);
      await receiver.close();
    });
  });

  test.each([
    [
      "chunked",
      `${OK}Transfer-Encoding: chunked\r\n\r\n`,
      Buffer.from("1000\r\n" + "b".repeat(4096) + "\r\n"),
    ],
    ["without a length", `${OK}\r\n`, Buffer.alloc(4096, "b")],
  ])("is cut when it is endless: %s", async (_name, head, chunk) => {
    const { result } = await attempt(
      (socket) => {
        socket.write(head);
        pour(socket, chunk);
      },
      { captureBytes: 10_000 },
    );
    expect(result).toMatchObject({ status: 200, body: Buffer.alloc(10_000, "b") });
  });

  test("is never decompressed: a bomb stays as small as it came", async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const { result } = await attempt(
      (socket) => {
        socket.write(`${OK}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`);
        socket.end(bomb);
      },
      { captureBytes: 1_000_000 },
    );
    expect(result).toMatchObject({ status: 200, body: bomb });
  });

  test.each([
    ["one header", `${OK}X-Long: ${"x".repeat(64 * 1024)}\r\n\r\n`],
    ["many headers", `${OK}${"X-Many: 1234567890\r\n".repeat(4_000)}\r\n`],
  ])("has a capped head: %s", async (_name, head) => {
    const { result } = await attempt((socket) => socket.write(head));
    expect(result).toMatchObject({ kind: "failure", code: "protocol" });
  });

  test("has a capped head when it is endless", async () => {
    const { result, tookMs } = await attempt((socket) => {
      socket.write(`${OK}X-Endless: `);
      pour(socket, Buffer.alloc(16_384, "x"));
    });
    expect(result).toMatchObject({ kind: "failure", code: "protocol" });
    expect(tookMs).toBeLessThan(4_000);
  });
});

/** Sends one piece every 20 ms, for ever. */
function drip(socket: Socket, piece: string): void {
  const timer = setInterval(() => socket.write(piece), 20);
  socket.on("close", () => clearInterval(timer));
}

describe("the time of an attempt is up, whatever drips", () => {
  test.each<readonly [string, (socket: Socket) => unknown]>([
    ["nothing at all", () => {}],
    ["nothing, not even reading", (socket) => socket.pause()],
    ["a status line", (socket) => drip(socket, "H")],
    ["a reason", (socket) => (socket.write("HTTP/1.1 200 "), drip(socket, "a"))],
    ["a header", (socket) => (socket.write(`${OK}X-Slow: `), drip(socket, "a"))],
    ["headers", (socket) => (socket.write(OK), drip(socket, "A: b\r\n"))],
    ["informational answers", (socket) => drip(socket, "HTTP/1.1 103 Early Hints\r\n\r\n")],
    [
      "a body",
      (socket) => (socket.write(`${OK}Content-Length: 100000\r\n\r\n`), drip(socket, "a")),
    ],
    [
      "chunks",
      (socket) => (
        socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`),
        drip(socket, "1\r\na\r\n")
      ),
    ],
    [
      "a chunk's extension",
      (socket) => (socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n1;`), drip(socket, "a")),
    ],
    [
      "trailers",
      (socket) => (
        socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n`),
        drip(socket, "A: b\r\n")
      ),
    ],
    [
      "a body without an end",
      (socket) => (socket.write(`${OK}Content-Length: 5\r\n\r\n1234`), undefined),
    ],
  ])("%s", async (_name, answer) => {
    const { result, tookMs } = await attempt(answer, { timeoutMs: 300 });
    expect(["timeout", "protocol"]).toContain(
      result.kind === "failure" ? result.code : result.kind,
    );
    expect(tookMs).toBeLessThan(2_000);
  });

  test("a body that nobody reads does not outlive it either", async () => {
    const receiver = await startRawReceiver((socket) => void socket.pause(), { greet: true });
    const request = {
      url: `http://127.0.0.1:${receiver.port}/`,
      method: "POST",
      headers: [],
      body: Buffer.alloc(50_000_000),
    };
    const result = await deliver(request, { client, timeoutMs: 300, captureBytes: 10 });
    expect(result).toMatchObject({
      code: "timeout",
      error: "no complete answer within 300 ms",
    });
    await receiver.close();
  });
});

describe("what is not HTTP", () => {
  test.each([
    ["a banner", "SSH-2.0-OpenSSH_9.6\r\n", "it does not begin with HTTP/"],
    [
      "another protocol",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "it does not begin with HTTP/",
    ],
    ["an error of a store", "-ERR unknown command 'POST'\r\n", "it does not begin with HTTP/"],
    ["NUL in a header", `${OK}X-Nul: a\0b\r\n\r\n`, "a header holds what no header may hold"],
    [
      "a bare CR in a header",
      `${OK}X-Cr: a\rSet-Cookie: b\r\n\r\n`,
      "a line does not end as it must",
    ],
    ["lines without CR", "HTTP/1.1 200 OK\nX: y\n\n", "a line does not end as it must"],
    ["a header without a colon", `${OK}no colon\r\n\r\n`, "a line of its head is no header"],
    [
      "two lengths",
      `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\na`,
      "it is not as long as it says",
    ],
    [
      "a length and chunks",
      `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      "it is not as long as it says",
    ],
    ["a length that is none", `${OK}Content-Length: many\r\n\r\n`, "its length is no number"],
    ["a negative length", `${OK}Content-Length: -1\r\n\r\n`, "its length is no number"],
    [
      "a chunk size that is none",
      `${OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`,
      "a chunk has a size that is no number",
    ],
    [
      "a chunk that is too long",
      `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n`,
      "a chunk is not as long as it says",
    ],
    [
      "a status that is none",
      "HTTP/1.1 abc OK\r\n\r\n",
      "its status is not a number of three digits",
    ],
    [
      "a status of four digits",
      "HTTP/1.1 1000 OK\r\n\r\n",
      "its status is not a number of three digits",
    ],
    ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n", "its status is below 100"],
    ["a version that is none", "HTTP/9.9 200 OK\r\n\r\n", "it is of a version that is none"],
  ])("fails in words: %s", async (_name, bytes, words) => {
    const { result, connections } = await attempt(
      (socket) => void socket.end(Buffer.from(bytes, "latin1")),
    );
    expect(result).toMatchObject({ kind: "failure", code: "protocol" });
    expect(result.kind === "failure" && result.error).toMatch(/^the answer is not valid HTTP: /);
    expect(result.kind === "failure" && result.error).toContain(words);
    expect(connections).toBe(1);
  });

  test("a switch of protocols, which nobody asked for, is a failure in words", async () => {
    const { result } = await attempt((socket) =>
      socket.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
    );
    expect(result).toMatchObject({ kind: "failure", code: "reset" });
  });

  test.each<readonly [string, (socket: Socket) => unknown, boolean]>([
    ["at once", (socket) => socket.resetAndDestroy(), true],
    ["after the request", (socket) => socket.resetAndDestroy(), false],
    ["in the head", (socket) => socket.write(OK, () => socket.resetAndDestroy()), false],
    [
      "in the body",
      (socket) =>
        socket.write(`${OK}Content-Length: 9\r\n\r\n1234`, () => socket.resetAndDestroy()),
      false,
    ],
    ["by an early end", (socket) => socket.end(`${OK}Content-Length: 9\r\n\r\n1234`), false],
    ["without a word", (socket) => socket.end(), false],
  ])("a connection that breaks is a failure, made once: %s", async (_name, answer, greet) => {
    const { result, connections } = await attempt(answer, { greet });
    expect(result).toEqual({
      kind: "failure",
      code: "reset",
      error: "the connection was closed before the answer was complete",
    });
    expect(connections).toBe(1);
  });

  test("a second answer that nobody asked for is not taken for the next one's", async () => {
    let requests = 0;
    const receiver = await startRawReceiver((socket) => {
      const serve = (): void => {
        requests += 1;
        socket.write(
          `${OK}Content-Length: 1\r\n\r\n${requests}HTTP/1.1 500 Poison\r\nContent-Length: 6\r\n\r\npoison`,
        );
      };
      serve();
      socket.on("data", serve);
    });
    const request = {
      url: `http://127.0.0.1:${receiver.port}/`,
      method: "GET",
      headers: [],
      body: Buffer.alloc(0),
    };
    for (const expected of ["1", "2", "3"]) {
      const result = await deliver(request, { client, timeoutMs: 5_000, captureBytes: 100 });
      expect(result).toMatchObject({ status: 200, body: Buffer.from(expected) });
    }
    await receiver.close();
  });
});

describe("an informational answer", () => {
  const FINAL = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";

  test.each([102, 103])("%i is passed over, and the one that follows counts", async (status) => {
    const { result } = await attempt(
      (socket) => void socket.end(`HTTP/1.1 ${status} Wait\r\nLink: </a>\r\n\r\n${FINAL}`),
    );
    expect(result).toMatchObject({ status: 201, body: Buffer.from("ok") });
    expect(result.kind === "response" && result.headers).not.toHaveProperty("Link");
  });

  test("100 that was not asked for fails in words", async () => {
    const { result } = await attempt(
      (socket) => void socket.end(`HTTP/1.1 100 Continue\r\n\r\n${FINAL}`),
    );
    expect(result).toEqual({
      kind: "failure",
      code: "protocol",
      error: "the receiver answered 100 Continue, which was not asked for",
    });
  });
});

test("a redirect is an answer like any other, and is not followed", async () => {
  const elsewhere = await startRawReceiver((socket) => socket.end());
  for (const status of [301, 302, 303, 307, 308]) {
    const location = `Location: http://127.0.0.1:${elsewhere.port}/\r\n`;
    const { result } = await attempt(
      (socket) =>
        void socket.end(`HTTP/1.1 ${status} Moved\r\n${location}Content-Length: 0\r\n\r\n`),
    );
    expect(result).toMatchObject({ kind: "response", status });
  }
  expect(elsewhere.seen.connections).toBe(0);
  await elsewhere.close();
});

async function attemptTls(certificate: Certificate) {
  let requests = 0;
  const server = createServer(certificate, (_request, response) => {
    requests += 1;
    response.end();
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const request = {
    url: `https://127.0.0.1:${portOf(server)}/`,
    method: "POST",
    headers: [],
    body: Buffer.from("secret"),
  };
  const result = await deliver(request, { client, timeoutMs: 5_000, captureBytes: 10 });
  server.closeAllConnections();
  server.close();
  return { result, requests };
}

describe("bad TLS fails in words", () => {
  let authority: Authority;
  const before = getCACertificates("default");
  beforeAll(async () => {
    authority = await createAuthority();
    setDefaultCACertificates([...before, authority.cert]);
  });
  afterAll(() => setDefaultCACertificates(before));

  const DAY_MS = 86_400_000;
  const at = (days: number) => new Date(Date.now() + days * DAY_MS);

  test.each<readonly [string, () => Promise<Certificate>, string]>([
    [
      "expired",
      () => authority.issue(["127.0.0.1"], { from: at(-9), to: at(-1) }),
      "the certificate has expired",
    ],
    [
      "not valid yet",
      () => authority.issue(["127.0.0.1"], { from: at(1), to: at(9) }),
      "the certificate is not valid yet",
    ],
    [
      "for another address",
      () => authority.issue(["127.0.0.2"]),
      "127.0.0.1: the certificate is for another host",
    ],
    [
      "for a name",
      () => authority.issue(["receiver.test"]),
      "127.0.0.1: the certificate is for another host",
    ],
    ["self-signed", () => selfSign(["127.0.0.1"]), "the certificate is self-signed"],
    [
      "of a stranger",
      async () => (await createAuthority()).issue(["127.0.0.1"]),
      "issued by somebody who is not trusted",
    ],
  ])("a certificate that is %s", async (_name, certificate, words) => {
    const { result, requests } = await attemptTls(await certificate());
    expect(result).toMatchObject({ kind: "failure", code: "tls" });
    expect(result.kind === "failure" && result.error).toMatch(/^TLS failed: /);
    expect(result.kind === "failure" && result.error).toContain(words);
    expect(requests).toBe(0);
  });

  test("a certificate that is right is taken", async () => {
    const { result } = await attemptTls(await authority.issue(["127.0.0.1"]));
    expect(result).toMatchObject({ kind: "response", status: 200 });
  });

  test.each<readonly [string, (socket: Socket) => void, string]>([
    ["plain HTTP", (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), "tls"],
    ["an end", (socket) => void socket.end(), "reset"],
    ["silence", () => {}, "timeout"],
  ])("a receiver that answers a handshake with %s", async (_name, answer, code) => {
    const receiver = await startRawReceiver(answer);
    const request = {
      url: `https://127.0.0.1:${receiver.port}/`,
      method: "POST",
      headers: [],
      body: Buffer.from("x"),
    };
    const result = await deliver(request, { client, timeoutMs: 500, captureBytes: 10 });
    expect(result).toMatchObject({ kind: "failure", code });
    await receiver.close();
  });
});
