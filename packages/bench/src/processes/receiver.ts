import { createServer, type Socket } from "node:net";

import { machineClockMs } from "../lab/machine-clock.ts";
import { answerQuestions } from "../lab/remote.ts";
import { STAMP_BYTES } from "../lab/stamped-body.ts";

/** What arrived at one path since the last reset. */
interface Arrivals {
  readonly count: number;
  /** Of each in the order of arrival, on the clock of the machine. */
  readonly atMs: readonly number[];
  readonly lastAtMs: number;
  /** How long after the time at the start of its body each request arrived. */
  readonly latenessMs: readonly number[];
}

const ANSWER = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
const END_OF_HEAD = "\r\n\r\n";

let byPath = new Map<string, { atMs: number[]; latenessMs: number[] }>();
let total = 0;
let waiting: { readonly count: number; readonly resolve: () => void } | undefined;

function note(path: string, stamp: string): void {
  const nowMs = machineClockMs();
  let arrivals = byPath.get(path);
  if (!arrivals) byPath.set(path, (arrivals = { atMs: [], latenessMs: [] }));
  arrivals.atMs.push(nowMs);
  arrivals.latenessMs.push(nowMs - Number(stamp));
  total += 1;
  if (waiting && total >= waiting.count) waiting.resolve();
}

/**
 * As little of HTTP as a receiver can do with: what this process saves is left to what is measured.
 * Requests come one by one on a connection, and their bodies have a length.
 */
function receive(socket: Socket): void {
  let parts: Buffer[] = [];
  let bytes = 0;
  /** Head and body of the request that is coming in; unknown until the head is complete. */
  let wanted = Number.POSITIVE_INFINITY;
  let head = "";
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    parts.push(chunk);
    bytes += chunk.length;
    if (wanted === Number.POSITIVE_INFINITY) {
      const start = Buffer.concat(parts);
      parts = [start];
      const end = start.indexOf(END_OF_HEAD);
      if (end < 0) return;
      head = start.toString("latin1", 0, end);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? "0";
      wanted = end + END_OF_HEAD.length + Number(length);
    }
    if (bytes < wanted) return;
    const path = head.slice(head.indexOf(" ") + 1, head.indexOf(" HTTP/"));
    const request = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    const bodyAt = head.length + END_OF_HEAD.length;
    note(path, request?.toString("latin1", bodyAt, bodyAt + STAMP_BYTES) ?? "");
    parts = [];
    bytes = 0;
    wanted = Number.POSITIVE_INFINITY;
    socket.write(ANSWER);
  });
}

const server = createServer(receive);

const handlers = {
  /** Resolves with the port. */
  listen: () =>
    new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" ? (address?.port ?? 0) : 0);
      });
    }),
  reset: () => {
    byPath = new Map();
    total = 0;
  },
  /** Resolves when so many requests have arrived since the last reset. */
  waitFor: ({ count, timeoutMs }: { readonly count: number; readonly timeoutMs: number }) =>
    new Promise<void>((resolve, reject) => {
      if (total >= count) return resolve();
      const timer = setTimeout(
        () => reject(new Error(`${total} of ${count} messages arrived in ${timeoutMs} ms`)),
        timeoutMs,
      );
      waiting = {
        count,
        resolve: () => {
          clearTimeout(timer);
          waiting = undefined;
          resolve();
        },
      };
    }),
  arrivals: (path: string): Arrivals => {
    const { atMs = [], latenessMs = [] } = byPath.get(path) ?? {};
    return { count: atMs.length, atMs, lastAtMs: atMs.at(-1) ?? 0, latenessMs };
  },
};

export type ReceiverProcess = typeof handlers;

answerQuestions(handlers);
