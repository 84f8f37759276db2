import { setTimeout as sleep } from "node:timers/promises";

import type { Bench } from "../bench.ts";
import type { Lab } from "../lab/lab.ts";
import { createTenant, startAllInOne, type Product } from "../lab/product.ts";
import { startRemote } from "../lab/remote.ts";
import { alternate, divide } from "../measure/alternate.ts";
import { quantile } from "../measure/statistics.ts";
import type { HangingReceiversProcess } from "../processes/hanging-receivers.ts";

const QUIET_TENANTS = 99;
const BEAT_MS = 200;
/** Each quiet tenant publishes one message in each beat, the noisy one as many as this. */
const NOISY_TIMES = 100;
const BEATS = 40;
const BODY_BYTES = 256;
const HANGING_RECEIVERS = 1_000;

/** What the quiet tenants got in one run. */
interface Service {
  /** From when a request was sent to when its message arrived. */
  readonly p99Ms: number;
  /** The same of a typical second: what holds up everybody once in five seconds is the machine's. */
  readonly typicalP99Ms: number;
  /** Arrived ÷ published when the publishing ends, of the tenant that came off worst. */
  readonly leastShare: number;
}

/**
 * A hundred tenants, of which one is quiet, too busy, or sends to receivers that never answer. All the
 * others together ask for less than the service can deliver, so the fair share of each is all of it.
 */
export const fairnessTenants: Bench = {
  name: "fairness-tenants",
  summary: "99 tenants beside one with 100 times the load, or with 1,000 hanging receivers",
  async run(lab, rounds) {
    const product = await startAllInOne(lab, {
      databaseUrl: await lab.createDatabase("fairness_tenants"),
    });
    const names = Array.from({ length: QUIET_TENANTS }, (_, index) => `quiet ${index}`);
    const quiet = await Promise.all(names.map((name) => createTenant(product, name)));
    const noisy = await createTenant(product, "noisy");
    const hanging = await startRemote<HangingReceiversProcess>("hanging-receivers.ts");
    lab.onClose(() => hanging.end());
    const port = await hanging.ask("listen", undefined);

    const shares = { quiet: [] as number[], loaded: [] as number[], hanging: [] as number[] };
    const typical = { quiet: [] as number[], loaded: [] as number[], hanging: [] as number[] };
    const measure =
      (name: keyof typeof shares, beside: () => Promise<unknown> = async () => {}) =>
      async () => {
        const [service] = await Promise.all([serveQuiet(lab, product, quiet), beside()]);
        shares[name].push(service.leastShare);
        typical[name].push(service.typicalP99Ms);
        return service.p99Ms;
      };
    const noise = (destinations: readonly string[]) =>
      lab.load.ask("publish", {
        ...loadOf(product, noisy),
        path: "/v2/batch",
        until: { count: NOISY_TIMES * BEATS },
        batchTo: { destinations, size: NOISY_TIMES },
      });
    const loaded = measure("loaded", () => noise([`${lab.receiver.url}/noisy`]));
    const hung = measure("hanging", () => noise(addresses(port)));
    const p99 = await alternate(
      rounds,
      {
        quiet: measure("quiet"),
        loaded: async () => {
          const figure = await loaded();
          const count = (QUIET_TENANTS + NOISY_TIMES) * BEATS;
          await lab.receiver.ask("waitFor", { count, timeoutMs: 30_000 });
          return figure;
        },
        hanging: async () => {
          await hanging.ask("hang", undefined);
          const figure = await hung();
          lab.note(`${await hanging.ask("countHeld", undefined)} requests hang`);
          // Nothing of this round reaches the next.
          await hanging.ask("answerAll", NOISY_TIMES * BEATS);
          return figure;
        },
      },
      lab.note,
    );
    return {
      rows: [
        ...rowsOf("100 times the load", {
          p99: divide(p99.loaded, p99.quiet),
          typicalP99: divide(typical.loaded.slice(1), typical.quiet.slice(1)),
          leastShares: shares.loaded.slice(1),
        }),
        ...rowsOf("1,000 hanging receivers", {
          p99: divide(p99.hanging, p99.quiet),
          typicalP99: divide(typical.hanging.slice(1), typical.quiet.slice(1)),
          leastShares: shares.hanging.slice(1),
        }),
      ],
      samples: [
        { name: "p99, quiet", unit: "ms", values: p99.quiet },
        { name: "p99 beside 100 times the load", unit: "ms", values: p99.loaded },
        { name: "p99 beside 1,000 hanging receivers", unit: "ms", values: p99.hanging },
        { name: "p99 of a typical second, quiet", unit: "ms", values: typical.quiet.slice(1) },
        { name: "least share, quiet", unit: "ratio", values: shares.quiet.slice(1) },
      ],
    };
  },
};

interface Ratios {
  readonly p99: readonly number[];
  readonly typicalP99: readonly number[];
  readonly leastShares: readonly number[];
}

function rowsOf(beside: string, { p99, typicalP99, leastShares }: Ratios) {
  return [
    {
      name: `delivery p99 of 99 tenants beside ${beside} ÷ quiet`,
      unit: "ratio",
      values: p99,
      target: { atMost: 2 },
    },
    {
      name: `delivery p99 of a typical second beside ${beside} ÷ quiet`,
      unit: "ratio",
      values: typicalP99,
      target: { atMost: 2 },
    },
    {
      name: `least share of one of them beside ${beside} ÷ its fair share`,
      unit: "ratio",
      values: leastShares,
      target: { atLeast: 0.95 },
    },
  ] as const;
}

function loadOf({ origin }: Product, token: string) {
  const headers = { authorization: `Bearer ${token}` };
  return { origin, headers, connections: 1, bodyBytes: BODY_BYTES, beatMs: BEAT_MS };
}

/** So many hosts, all of them the one process that hangs. */
function addresses(port: number): readonly string[] {
  return Array.from(
    { length: HANGING_RECEIVERS },
    (_, index) => `http://127.1.${index >> 8}.${index & 255}:${port}/`,
  );
}

/** Lets each quiet tenant publish at its own moments of the beat. */
async function serveQuiet(
  { load, receiver }: Lab,
  product: Product,
  tokens: readonly string[],
): Promise<Service> {
  await receiver.ask("reset", undefined);
  const served = await Promise.all(
    tokens.map(async (token, index) => {
      await sleep((index * BEAT_MS) / tokens.length);
      const path = `/quiet/${index}`;
      const { accepted } = await load.ask("publish", {
        ...loadOf(product, token),
        path: `/v2/publish/${receiver.url}${path}`,
        until: { count: BEATS },
      });
      const { count } = await receiver.ask("arrivals", path);
      return { path, share: count / accepted };
    }),
  );
  await receiver.ask("waitFor", { count: tokens.length * BEATS, timeoutMs: 30_000 });
  const arrivals = await Promise.all(served.map(({ path }) => receiver.ask("arrivals", path)));
  const waits = arrivals.flatMap(({ atMs, latenessMs }) =>
    latenessMs.map((ms, index) => ({ ms, sentAtMs: (atMs[index] ?? 0) - ms })),
  );
  const bySecond = Map.groupBy(waits, ({ sentAtMs }) => Math.floor(sentAtMs / 1_000));
  const p99s = [...bySecond.values()].map(p99Of).toSorted((a, b) => a - b);
  return {
    p99Ms: p99Of(waits),
    typicalP99Ms: quantile(p99s, 0.5),
    leastShare: Math.min(...served.map(({ share }) => share)),
  };
}

function p99Of(waits: readonly { readonly ms: number }[]): number {
  return quantile(
    waits.map(({ ms }) => ms).toSorted((a, b) => a - b),
    0.99,
  );
}
