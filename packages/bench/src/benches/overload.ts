import type { Bench } from "../bench.ts";
import type { Lab } from "../lab/lab.ts";
import { peakWhile, residentMb } from "../lab/memory.ts";
import { AUTHORIZATION, startApi } from "../lab/product.ts";
import { quantile } from "../measure/statistics.ts";

/** Connections that fill the api, and ten times as many. */
const FILLING = 256;
const OVERLOADING = 10 * FILLING;
const RUN_MS = 4_000;
const OVERLOAD_MS = 8_000;
/** A refused client rests shorter than it was told to: the worst of those that still read the answer. */
const REFUSED_REST_MS = 100;

/** Ten times the connections that fill an api: what it still accepts, how fast, and what it tells the rest. */
export const overload: Bench = {
  name: "overload",
  summary: "ten times the connections that fill an api, beside just as many as fill it",
  async run(lab, rounds) {
    const useful: number[] = [];
    const afterwards: number[] = [];
    const p99: number[] = [];
    const silent: number[] = [];
    const grown: number[] = [];
    const refusedShare: number[] = [];
    const api = await startApi(lab, { databaseUrl: await lab.createDatabase("overload") });
    await send(lab, api.origin, FILLING, RUN_MS);
    for (let round = 1; round <= rounds; round += 1) {
      lab.note(`round ${round} of ${rounds}`);
      const before = await send(lab, api.origin, FILLING, RUN_MS);
      const quietMb = await residentMb(api.pid);
      const overloading = send(lab, api.origin, OVERLOADING, OVERLOAD_MS);
      const peakMb = await peakWhile(api.pid, overloading);
      const over = await overloading;
      const after = await send(lab, api.origin, FILLING, RUN_MS);
      useful.push(over.perSecond / before.perSecond);
      afterwards.push(after.perSecond / before.perSecond);
      p99.push(over.p99Ms);
      silent.push(over.refusedWithoutRetryAfter);
      grown.push(peakMb - quietMb);
      refusedShare.push(over.refused / (over.refused + over.accepted));
    }
    return {
      rows: [
        {
          name: "accepted under ten times the connections ÷ under just enough",
          unit: "ratio",
          values: useful,
          target: { atLeast: 0.9 },
        },
        {
          name: "answer to what is accepted then, p99",
          unit: "ms",
          values: p99,
          target: { atMost: 1_000 },
        },
        {
          name: "accepted right after ÷ before",
          unit: "ratio",
          values: afterwards,
          target: { atLeast: 0.9 },
        },
        { name: "memory that the overload adds", unit: "MB", values: grown },
      ],
      samples: [
        { name: "refusals without Retry-After", unit: "answers", values: silent },
        { name: "refused of all answers", unit: "share", values: refusedShare },
      ],
    };
  },
};

async function send(lab: Lab, origin: string, connections: number, elapsedMs: number) {
  const result = await lab.load.ask("publish", {
    origin,
    path: `/v2/publish/${lab.receiver.url}/`,
    headers: { ...AUTHORIZATION, "upstash-delay": "1h" },
    connections,
    bodyBytes: 1024,
    until: { elapsedMs },
    refusedRestMs: REFUSED_REST_MS,
  });
  const sorted = result.answerMs.toSorted((a, b) => a - b);
  return {
    ...result,
    perSecond: (result.accepted / result.elapsedMs) * 1000,
    p99Ms: quantile(sorted, 0.99),
  };
}
