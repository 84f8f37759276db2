import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

import { portOf } from "./port-of.ts";

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path and query, exactly as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value …, exactly as sent. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** When its head had arrived: Unix milliseconds with fractions, from a clock that never jumps. */
  readonly arrivedAt: number;
}

/** An answer, `hang` for none at all, or `reset` for a connection that breaks. */
export type Reply =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Buffer;
      readonly delayMs?: number;
    }
  | "hang"
  | "reset";

export type Script = (request: ReceivedRequest) => Reply;

export interface Receiver {
  /** Without a slash at the end. */
  readonly url: string;
  /** Everything received so far, in order of arrival. */
  readonly requests: readonly ReceivedRequest[];
  /** What to answer from now on, to all paths or to one (compared without the query). By default 200. */
  reply(script: Script): void;
  reply(path: string, script: Script): void;
  /**
   * Waits until so many requests, or one that fits, have arrived; those that came before count too.
   *
   * @returns all requests that fit.
   * @throws with the journal when the time is up; by default 10 seconds.
   */
  waitFor(
    wanted: number | ((request: ReceivedRequest) => boolean),
    options?: { readonly timeoutMs?: number },
  ): Promise<readonly ReceivedRequest[]>;
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 10_000;

const accept: Script = () => ({ status: 200 });

/** A real HTTP server on a free port of the loopback interface, which notes what it receives and answers by script. */
export async function startReceiver(): Promise<Receiver> {
  const journal: ReceivedRequest[] = [];
  const scripts = new Map<string, Script>();
  let defaultScript: Script = accept;
  const waiting = new Set<() => void>();

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const arrivedAt = performance.timeOrigin + performance.now();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const received: ReceivedRequest = {
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body: Buffer.concat(chunks),
      arrivedAt,
    };
    journal.push(received);
    const script = scripts.get(pathOf(received.url)) ?? defaultScript;
    const reply = script(received);
    for (const check of waiting) check();
    send(reply, response);
  }

  const server = createServer((request, response) => {
    // The sender broke off: there is nobody to answer and nothing complete to note.
    receive(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    requests: journal,
    reply(first: string | Script, script?: Script) {
      if (typeof first === "string") scripts.set(first, script ?? defaultScript);
      else defaultScript = first;
    },
    waitFor(wanted, { timeoutMs = DEFAULT_TIMEOUT_MS } = {}) {
      const find = () => {
        if (typeof wanted === "function") return journal.filter(wanted);
        return journal.length >= wanted ? [...journal] : [];
      };
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(
            new Error(
              `${describe(wanted)} did not arrive within ${timeoutMs} ms; received: ${show(journal)}`,
            ),
          );
        }, timeoutMs);
        function check(): void {
          const found = find();
          if (found.length === 0 && wanted !== 0) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve(found);
        }
        waiting.add(check);
        check();
      });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(reply: Reply, response: ServerResponse): void {
  if (reply === "hang") return;
  if (reply === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  const answer = () => response.writeHead(reply.status, reply.headers).end(reply.body);
  if (reply.delayMs === undefined) answer();
  else setTimeout(answer, reply.delayMs);
}

function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? "";
}

function describe(wanted: number | ((request: ReceivedRequest) => boolean)): string {
  return typeof wanted === "number" ? `request ${wanted}` : "a request that fits";
}

function show(journal: readonly ReceivedRequest[]): string {
  return journal.map(({ method, url }) => `${method} ${url}`).join(", ") || "nothing";
}
