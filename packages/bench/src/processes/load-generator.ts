import { Pool } from "undici";

import { machineClockMs } from "../lab/machine-clock.ts";
import { answerQuestions } from "../lab/remote.ts";
import { post } from "../lab/post.ts";
import { stampedBody } from "../lab/stamped-body.ts";

export interface Load {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Destination to name in each item of a batch; without one, a request is one message. */
  readonly batchTo?: {
    readonly destination: string;
    readonly size: number;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly connections: number;
  readonly bodyBytes: number;
  /** Messages to send, or how long to go on. */
  readonly until: { readonly count: number } | { readonly elapsedMs: number };
  /** How long after it was sent a message is due. */
  readonly delayMs?: number;
  /** Rest of a connection after each answer. */
  readonly pauseMs?: number;
}

export interface LoadResult {
  readonly accepted: number;
  readonly startedAtMs: number;
  readonly elapsedMs: number;
  readonly answerMs: readonly number[];
}

async function publish(load: Load): Promise<LoadResult> {
  const pool = new Pool(load.origin, { connections: load.connections, pipelining: 1 });
  const startedAtMs = machineClockMs();
  const answerMs: number[] = [];
  const perRequest = load.batchTo?.size ?? 1;
  let taken = 0;
  let accepted = 0;

  const goesOn = () =>
    "count" in load.until
      ? taken < load.until.count
      : machineClockMs() - startedAtMs < load.until.elapsedMs;

  async function connection(): Promise<void> {
    while (goesOn()) {
      taken += perRequest;
      const sentAtMs = machineClockMs();
      const status = await post(pool, {
        origin: load.origin,
        path: load.path,
        headers: load.headers,
        body: bodyOf(load, sentAtMs),
      });
      if (status >= 300) throw new Error(`${load.path} was answered with ${status}`);
      accepted += perRequest;
      answerMs.push(machineClockMs() - sentAtMs);
      if (load.pauseMs !== undefined) await new Promise((r) => setTimeout(r, load.pauseMs));
    }
  }

  await Promise.all(Array.from({ length: load.connections }, connection));
  const elapsedMs = machineClockMs() - startedAtMs;
  await pool.close();
  return { accepted, startedAtMs, elapsedMs, answerMs };
}

function bodyOf({ batchTo, bodyBytes, delayMs = 0 }: Load, sentAtMs: number): Buffer {
  const body = stampedBody(bodyBytes, sentAtMs + delayMs);
  if (batchTo === undefined) return body;
  const { destination, headers } = batchTo;
  const item = JSON.stringify({ destination, headers, body: body.toString("latin1") });
  return Buffer.from(`[${Array.from({ length: batchTo.size }, () => item).join(",")}]`);
}

const handlers = { publish };

export type LoadGeneratorProcess = typeof handlers;

answerQuestions(handlers);
