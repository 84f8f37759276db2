import { createServer, STATUS_CODES, type Server } from "node:http";
import type { Duplex } from "node:stream";

import { getRequestListener, RequestError, type HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";

/** Longest time for the headers of a request, and for all of it. */
const HEADERS_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 120_000;
/** Webhook senders put a lot into headers; batches of forwarded ones even more. */
const MAX_HEADER_BYTES = 64 * 1024;
/** How long requests under way may take to end when the server stops. */
const STOP_GRACE_MS = 5_000;

/** Serves an app; every refusal, also one by the HTTP parser itself, is JSON. */
export function createHttpServer(app: Hono<{ Bindings: HttpBindings }>): Server {
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    errorHandler: (error) => {
      if (error instanceof RequestError) {
        return Response.json({ error: `malformed request: ${error.message}` }, { status: 400 });
      }
      return Response.json({ error: "internal error" }, { status: 500 });
    },
  });
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: 75_000,
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  );
  server.on("checkExpectation", (_incoming, outgoing) => {
    const body = JSON.stringify({ error: "the Expect header asks for what is not supported" });
    outgoing.writeHead(417, { "content-type": "application/json" }).end(body);
  });
  server.on("clientError", answerClientError);
  return server;
}

/** Resolves with the port when the server listens. */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "EADDRINUSE"
          ? new Error(`port ${port} on ${host} is in use; set PORT to another one`)
          : error,
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

/** Accepts nothing new, lets what is under way end, and resolves when all connections are closed. */
export async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const impatience = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS);
  await closed;
  clearTimeout(impatience);
}

function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusOf(error.code);
  const body = JSON.stringify({ error: `malformed request: ${error.message}` });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      "Content-Type: application/json\r\nConnection: close\r\n" +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function statusOf(code: string | undefined): number {
  if (code === "HPE_HEADER_OVERFLOW") return 431;
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
}
