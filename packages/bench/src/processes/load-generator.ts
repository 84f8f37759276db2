import { setTimeout as sleep } from "node:timers/promises";

import { Client } from "undici";

import { machineClockMs } from "../lab/machine-clock.ts";
import { answerQuestions } from "../lab/remote.ts";
import { post } from "../lab/post.ts";
import { stampedBody } from "../lab/stamped-body.ts";

export interface Load {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Destinations to name in the items of batches, in turn; without them, a request is one message. */
  readonly batchTo?: {
    readonly destinations: readonly string[];
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
  /**
   * A connection sends at the beats of a clock, however long answers take: those that were held up
   * together do not go on in step.
   */
  readonly beatMs?: number;
  /** Counts refusals instead of failing. A refused connection rests this long, as a patient client does. */
  readonly refusedRestMs?: number;
}

export interface LoadResult {
  readonly accepted: number;
  readonly startedAtMs: number;
  readonly elapsedMs: number;
  readonly answerMs: readonly number[];
  /** Answers of 429 and 503, and those of them that did not say when to come again. */
  readonly refused: number;
  readonly refusedWithoutRetryAfter: number;
}

async function publish(load: Load): Promise<LoadResult> {
  const startedAtMs = machineClockMs();
  const answerMs: number[] = [];
  const perRequest = load.batchTo?.size ?? 1;
  let taken = 0;
  let accepted = 0;
  let refused = 0;
  let refusedWithoutRetryAfter = 0;

  const goesOn = () =>
    "count" in load.until
      ? taken < load.until.count
      : machineClockMs() - startedAtMs < load.until.elapsedMs;

  async function connection(): Promise<void> {
    // Not a pool: it looks through all its connections for a free one, which with thousands costs more than the rest.
    const client = new Client(load.origin, { pipelining: 1 });
    for (let beat = 1; goesOn(); beat += 1) {
      const first = taken;
      taken += perRequest;
      const sentAtMs = machineClockMs();
      const { status, saysWhen } = await post(client, {
        origin: load.origin,
        path: load.path,
        headers: load.headers,
        body: bodyOf(load, first, sentAtMs),
      });
      if (load.refusedRestMs !== undefined && (status === 429 || status === 503)) {
        refused += 1;
        if (!saysWhen) refusedWithoutRetryAfter += 1;
        await sleep(load.refusedRestMs);
        continue;
      }
      if (status >= 300) throw new Error(`${load.path} was answered with ${status}`);
      accepted += perRequest;
      answerMs.push(machineClockMs() - sentAtMs);
      const restMs =
        load.beatMs === undefined
          ? load.pauseMs
          : startedAtMs + beat * load.beatMs - machineClockMs();
      if (restMs !== undefined && restMs > 0) await sleep(restMs);
    }
    await client.close();
  }

  await Promise.all(Array.from({ length: load.connections }, connection));
  const elapsedMs = machineClockMs() - startedAtMs;
  return { accepted, startedAtMs, elapsedMs, answerMs, refused, refusedWithoutRetryAfter };
}

/** The body of a request of which so many messages were sent before. */
function bodyOf({ batchTo, bodyBytes, delayMs = 0 }: Load, first: number, sentAtMs: number) {
  const body = stampedBody(bodyBytes, sentAtMs + delayMs);
  if (batchTo === undefined) return body;
  const { destinations, headers, size } = batchTo;
  const items = destinations.map((destination) =>
    JSON.stringify({ destination, headers, body: body.toString("latin1") }),
  );
  const inTurn = Array.from({ length: size }, (_, index) => items[(first + index) % items.length]);
  return Buffer.from(`[${inTurn.join(",")}]`);
}

const handlers = { publish };

export type LoadGeneratorProcess = typeof handlers;

answerQuestions(handlers);
