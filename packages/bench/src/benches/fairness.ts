import type { Bench } from "../bench.ts";
import type { Lab } from "../lab/lab.ts";
import { AUTHORIZATION, createTenant, startApi, startDispatcher } from "../lab/product.ts";
import { alternate, divide } from "../measure/alternate.ts";
import { quantile } from "../measure/statistics.ts";

const NOISY = { count: 20_000, batchSize: 200, connections: 4, bodyBytes: 256 };
const QUIET_TENANTS = 50;
const DEADLINE_MS = 120_000;

/**
 * Fifty quiet tenants behind the backlog of a noisy one, beside the same messages in one line. The
 * dispatcher starts when all is stored: there is a backlog however fast the machine delivers.
 */
export const fairness: Bench = {
  name: "fairness",
  summary: "quiet tenants beside a noisy one, and the same messages in one line",
  async run(lab, rounds) {
    const databaseUrl = await lab.createDatabase("fairness");
    const product = await startApi(lab, { databaseUrl });
    const names = Array.from({ length: QUIET_TENANTS }, (_, index) => `quiet ${index}`);
    const tokens = await Promise.all(names.map((name) => createTenant(product, name)));
    const quiet = tokens.map((token) => ({ authorization: `Bearer ${token}` }));
    // All of one tenant: its messages leave in the order in which they came.
    const oneLine = quiet.map(() => AUTHORIZATION);

    const throughput = { fair: [] as number[], fifo: [] as number[] };
    const measure = (callers: Callers, rates: number[]) => async () => {
      const { quietP50Ms, perSecond } = await oneRun(
        lab,
        { databaseUrl, origin: product.origin },
        callers,
      );
      rates.push(perSecond);
      return quietP50Ms;
    };
    const p50 = await alternate(
      rounds,
      { fair: measure(quiet, throughput.fair), fifo: measure(oneLine, throughput.fifo) },
      lab.note,
    );
    return {
      rows: [
        {
          name: "p50 of quiet tenants beside a noisy one ÷ FIFO",
          unit: "ratio",
          values: divide(p50.fair, p50.fifo),
          target: { atMost: 0.1 },
        },
        {
          name: "throughput of all of them ÷ FIFO",
          unit: "ratio",
          values: divide(throughput.fair.slice(1), throughput.fifo.slice(1)),
          target: { atLeast: 0.95 },
        },
      ],
      samples: [
        { name: "quiet p50, fair", unit: "ms", values: p50.fair },
        { name: "quiet p50, FIFO", unit: "ms", values: p50.fifo },
      ],
    };
  },
};

type Callers = readonly Readonly<Record<string, string>>[];

interface Place {
  readonly databaseUrl: string;
  readonly origin: string;
}

/** The noisy one publishes all it has, then each of the others one message. Times count from the first delivery. */
async function oneRun(lab: Lab, { databaseUrl, origin }: Place, callers: Callers) {
  const { receiver, load } = lab;
  await receiver.ask("reset", undefined);
  await load.ask("publish", {
    origin,
    path: "/v2/batch",
    headers: AUTHORIZATION,
    connections: NOISY.connections,
    bodyBytes: NOISY.bodyBytes,
    until: { count: NOISY.count },
    batchTo: { destinations: [`${receiver.url}/noisy`], size: NOISY.batchSize },
  });
  for (const headers of callers) {
    await load.ask("publish", {
      origin,
      path: `/v2/publish/${receiver.url}/quiet`,
      headers,
      connections: 1,
      bodyBytes: NOISY.bodyBytes,
      until: { count: 1 },
    });
  }
  const count = NOISY.count + callers.length;
  const dispatcher = startDispatcher(lab, { databaseUrl });
  await receiver.ask("waitFor", { count, timeoutMs: DEADLINE_MS });
  await dispatcher.end();
  const quiet = await receiver.ask("arrivals", "/quiet");
  const noisy = await receiver.ask("arrivals", "/noisy");
  const firstAtMs = Math.min(...[quiet, noisy].flatMap(({ atMs }) => atMs.slice(0, 1)));
  const lastAtMs = Math.max(quiet.lastAtMs, noisy.lastAtMs);
  return {
    quietP50Ms: quantile(quiet.atMs, 0.5) - firstAtMs,
    perSecond: (count / (lastAtMs - firstAtMs)) * 1000,
  };
}
