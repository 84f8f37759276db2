import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Duplex } from "node:stream";

import { getRequestListener, RequestError, type HttpBindings } from "@hono/node-server";
import { quote } from "@omnistore/domain/quote";
import { listenProblem } from "@omnistore/domain/start/listen-problem";
import type { Hono } from "hono";

import {
  describeClientError,
  type ClientError,
  type ServerLimits,
} from "./describe-client-error.ts";
import { refuseRequest, type Refusal } from "./refuse-request.ts";

/** Webhook senders put a lot into headers; batches of forwarded ones even more. */
const LIMITS: ServerLimits = {
  headersTimeoutMs: 30_000,
  requestTimeoutMs: 120_000,
  headBytes: 64 * 1024,
};
/** How much longer than its limit a slow request may take to be noticed. */
const CHECK_EVERY_MS = 2_000;
/** How long requests under way may take to end when the server stops. */
const STOP_GRACE_MS = 5_000;

export interface HttpServerOptions {
  readonly limits?: ServerLimits;
  /** Looked at before any route, after what holds for every request. */
  readonly refuse?: (incoming: IncomingMessage) => Refusal | null;
}

/** Serves an app; every refusal, also one by the HTTP parser itself, is JSON. */
export function createHttpServer(
  app: Hono<{ Bindings: HttpBindings }>,
  { limits = LIMITS, refuse = () => null }: HttpServerOptions = {},
): Server {
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    // Of requests in HTTP/1.0, which need no Host header: probes of old load balancers.
    hostname: "localhost",
    errorHandler: (error) => {
      if (error instanceof RequestError) {
        return Response.json({ error: `malformed request: ${error.message}` }, { status: 400 });
      }
      return Response.json({ error: "internal error" }, { status: 500 });
    },
  });
  const exchanges = new WeakMap<Duplex, Exchange>();
  const server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, limits.headersTimeoutMs),
      maxHeaderSize: limits.headBytes,
      keepAliveTimeout: 75_000,
      // Answered with an empty body otherwise; `refuseRequest` does it in words.
      requireHostHeader: false,
    },
    (incoming, outgoing) => {
      exchanges.set(incoming.socket, { incoming, outgoing });
      const refusal = refuseRequest(incoming) ?? refuse(incoming);
      if (refusal === null) void listener(incoming, outgoing);
      else answer(outgoing, refusal.status, refusal.error);
    },
  );
  // The default drops what is above 2,000 without a word; `refuseRequest` refuses it.
  server.maxHeadersCount = 0;
  server.on("checkExpectation", ({ headers }, outgoing) => {
    answer(outgoing, 417, `the Expect header ${quote(headers.expect ?? "")} is not served`);
  });
  server.on("connect", ({ url = "" }, socket: Duplex) => {
    answerRaw(socket, 405, `CONNECT is not served: ${quote(url)}`);
  });
  server.on("clientError", (error: ClientError, socket: Duplex) => {
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    const described = describeClientError(error, limits);
    inTurn(exchanges.get(socket), socket, () => {
      answerRaw(socket, described.status, described.error);
    });
  });
  return server;
}

/** The latest request of a connection and its answer. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/**
 * Answers a fault of the parser so that no client takes the answer for one to another request. When
 * the fault is in the body of a request that has its answer already, there is nothing to add.
 */
function inTurn(latest: Exchange | undefined, socket: Duplex, answerFault: () => void): void {
  if (latest === undefined) return answerFault();
  const { incoming, outgoing } = latest;
  if (!incoming.complete && !outgoing.headersSent) return answerFault();
  const last = incoming.complete ? answerFault : () => socket.end();
  if (outgoing.writableFinished) last();
  else outgoing.once("finish", last);
}

/** Resolves with the port when the server listens; rejects in words that say what to do. */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      reject(new Error(listenProblem(error, port, host), { cause: error }));
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

/** What is left of the request is not read, so the connection cannot be used again. */
function answer(outgoing: ServerResponse, status: number, error: string): void {
  const body = JSON.stringify({ error });
  outgoing.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  });
  outgoing.end(body);
}

/** The same where Node has given the connection away. */
function answerRaw(socket: Duplex, status: number, error: string): void {
  const body = JSON.stringify({ error });
  socket.on("error", () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      "Content-Type: application/json\r\nConnection: close\r\n" +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
