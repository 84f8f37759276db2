import type { Bench } from "../bench.ts";
import type { Lab } from "../lab/lab.ts";
import { AUTHORIZATION, startAllInOne, type Product } from "../lab/product.ts";
import { alternate } from "../measure/alternate.ts";
import { quantile } from "../measure/statistics.ts";

const BODY_BYTES = 1024;
const IDLE = { count: 100, pauseMs: 10 };
const DELAYED = { count: 300, delayMs: 2_000, pauseMs: 20 };

/** How long a message takes through an idle service, and how late a delayed one is. */
export const latency: Bench = {
  name: "latency",
  summary: "idle publish → arrival, and lateness of delayed messages",
  async run(lab, rounds) {
    const product = await startAllInOne(lab, {
      databaseUrl: await lab.createDatabase("latency"),
    });
    const figures = await alternate(
      rounds,
      {
        idle: async () => quantile(await latenessMs(lab, product, { ...IDLE, delayMs: 0 }), 0.5),
        delayed: async () => quantile(await latenessMs(lab, product, DELAYED), 0.99),
      },
      lab.note,
    );
    return {
      rows: [
        {
          name: "idle publish → arrival, p50",
          unit: "ms",
          values: figures.idle,
          target: { atMost: 4 },
        },
        {
          name: "lateness of delayed messages, p99",
          unit: "ms",
          values: figures.delayed,
          target: { atMost: 15 },
        },
      ],
      samples: [],
    };
  },
};

interface Trickle {
  readonly count: number;
  readonly pauseMs: number;
  readonly delayMs: number;
}

/** From when the request was sent (plus the delay) to when its message arrived: sorted milliseconds. */
async function latenessMs(
  lab: Lab,
  product: Product,
  { count, pauseMs, delayMs }: Trickle,
): Promise<readonly number[]> {
  await lab.receiver.ask("reset", undefined);
  await lab.load.ask("publish", {
    origin: product.origin,
    path: `/v2/publish/${lab.receiver.url}/`,
    headers: { ...AUTHORIZATION, "upstash-delay": `${delayMs / 1000}s` },
    connections: 1,
    bodyBytes: BODY_BYTES,
    until: { count },
    delayMs,
    pauseMs,
  });
  await lab.receiver.ask("waitFor", { count, timeoutMs: delayMs + 10_000 });
  const arrivals = await lab.receiver.ask("arrivals", "/");
  return arrivals.latenessMs.toSorted((a, b) => a - b);
}
