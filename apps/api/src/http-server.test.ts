import { once } from "node:events";
import type { Server } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import type { HttpBindings } from "@hono/node-server";
import { portOf } from "@omnistore/testkit/port-of";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { close, createHttpServer, listen } from "./http-server.ts";

const LIMITS = { headersTimeoutMs: 300, requestTimeoutMs: 600, headBytes: 16_384 };

let server: Server;
const taken: string[] = [];
beforeAll(async () => {
  const app = new Hono<{ Bindings: HttpBindings }>()
    .get("/quick", (c) => c.json({ quick: true }))
    .get("/slow", async (c) => {
      await sleep(150);
      return c.json({ slow: true });
    })
    .post("/unread", (c) => c.json({ error: "not interested" }, 401))
    .post("/read", async (c) => {
      taken.push(await c.req.text());
      return c.json({ read: true });
    });
  // A client that is cut off while its body is read is nobody's fault.
  app.onError((error, c) => c.json({ error: error.message }, 400));
  server = createHttpServer(app, { limits: LIMITS });
  await listen(server, 0, "127.0.0.1");
});
afterAll(() => close(server));

/** Everything that the server says on a connection, until it ends it. */
async function converse(talk: (socket: Socket) => unknown): Promise<string> {
  const socket = connect(portOf(server), "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => {});
  void talk(socket);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** Writes a piece every 20 ms until the connection ends. */
function drip(socket: Socket, piece: string): void {
  const timer = setInterval(() => socket.write(piece), 20);
  socket.once("close", () => clearInterval(timer));
}

const POST = "POST /read HTTP/1.1\r\nHost: h\r\n";
const TOO_SLOW = "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\n";

test("a probe in HTTP/1.0 needs no Host header", async () => {
  const said = await converse((socket) => socket.write("GET /quick HTTP/1.0\r\n\r\n"));
  expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

describe("a client that takes its time is told so in JSON:", () => {
  test.each<readonly [string, (socket: Socket) => unknown]>([
    ["it sends a line and no more", (socket) => socket.write(POST)],
    ["it drips a header", (socket) => (socket.write(`${POST}X-Slow: `), drip(socket, "a"))],
    ["it drips headers", (socket) => (socket.write(POST), drip(socket, "A: b\r\n"))],
    ["it announces a body", (socket) => socket.write(`${POST}Content-Length: 9\r\n\r\n`)],
    [
      "it drips a body",
      (socket) => (socket.write(`${POST}Content-Length: 999\r\n\r\n`), drip(socket, "a")),
    ],
    [
      "it drips chunks",
      (socket) => (
        socket.write(`${POST}Transfer-Encoding: chunked\r\n\r\n`),
        drip(socket, "1\r\na\r\n")
      ),
    ],
  ])("%s", async (_name, talk) => {
    const startedAt = performance.now();
    const said = await converse(talk);
    expect(said.startsWith(TOO_SLOW), said).toBe(true);
    expect(said).toContain('{"error":"the request did not arrive in time: 0.3 seconds for');
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(taken).toEqual([]);
  });
});

/** The statuses of the answers in what a server said, in order. */
function statuses(said: string): (string | undefined)[] {
  return [...said.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => code);
}

describe("the answers of a connection stay in the order of its requests:", () => {
  const QUICK = "GET /quick HTTP/1.1\r\nHost: h\r\n\r\n";
  const SLOW = "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n";

  test("a malformed request behind one that is under way waits for its answer", async () => {
    const said = await converse((socket) => socket.write(`${SLOW}NONSENSE\r\n\r\n`));
    expect(statuses(said)).toEqual(["200", "400"]);
    expect(said.indexOf('"slow":true')).toBeLessThan(said.indexOf("NONSENSE"));
  });

  test("a malformed request behind one that was answered is answered", async () => {
    const said = await converse(async (socket) => {
      socket.write(QUICK);
      await once(socket, "data");
      socket.write("NONSENSE\r\n\r\n");
    });
    expect(said).toContain("NONSENSE");
  });

  test("a fault in a body whose request was answered already adds no second answer", async () => {
    const said = await converse(async (socket) => {
      socket.write("POST /unread HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
      await sleep(100);
      socket.write("nonsense\r\n");
    });
    expect(statuses(said)).toEqual(["401"]);
  });

  test("a fault in a body that is being read is the answer", async () => {
    const said = await converse((socket) =>
      socket.write(`${POST}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\nnonsense\r\n`),
    );
    expect(statuses(said)).toEqual(["400"]);
    expect(said).toContain("nonsense");
    expect(taken).toEqual([]);
  });
});

test("a token in a line that is malformed is not repeated", async () => {
  const said = await converse((socket) =>
    socket.write("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer hush\0\r\n\r\n"),
  );
  expect(said).toContain("Authorization: …");
  const folded = await converse((socket) =>
    socket.write("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer\r\n hush\r\n\r\n"),
  );
  const target = await converse((socket) =>
    socket.write("GET /?qstash_token=hush&a=b c HTTP/1.1\r\nHost: h\r\n\r\n"),
  );
  expect(target).toContain("qstash_token=…");
  const withoutColon = await converse((socket) =>
    socket.write("GET / HTTP/1.1\r\nHost: h\r\nAuthorization Bearer hush\r\n\r\n"),
  );
  expect(withoutColon).toContain("400");
  expect(withoutColon).not.toContain("hush");
  for (const text of [said, folded, target]) {
    expect(text).toContain("HTTP/1.1 400");
    expect(text).not.toContain("hush");
  }
});

test("a byte beyond ASCII in a target is refused with what to do instead", async () => {
  const said = await converse((socket) =>
    socket.write("GET /quick?label=grün HTTP/1.1\r\nHost: h\r\n\r\n"),
  );
  expect(statuses(said)).toEqual(["400"]);
  expect(said).toContain("Invalid char in url query, percent-encode it");
});

test("an absolute target for this host is served as its path", async () => {
  const said = await converse((socket) =>
    socket.write("GET http://h:8080/quick HTTP/1.1\r\nHost: h:8080\r\nConnection: close\r\n\r\n"),
  );
  expect(said).toContain('{"quick":true}');
});
