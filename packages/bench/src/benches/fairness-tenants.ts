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
/** Length of a turn. Turns are short, and there are several to a round: the machine's moods last longer. */
const BEATS = 12;
const TURNS = 3;
/** The first beats of a turn open connections, and are not counted. */
const OPENING_BEATS = 2;
/** Long enough to record what was answered at once. */
const RECORDED_MS = 1_000;
const BODY_BYTES = 256;
const HANGING_RECEIVERS = 1_000;

/** One message of a quiet tenant: from when its request was sent to when it arrived. */
interface Wait {
  readonly ms: number;
  readonly sentAtMs: number;
}

/** What the quiet tenants got in one turn. */
interface Service {
  readonly waits: readonly Wait[];
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

    const served = { quiet: [] as Service[], loaded: [] as Service[], hanging: [] as Service[] };
    const serve = async (name: keyof typeof served, beside?: Promise<unknown>) => {
      const [service] = await Promise.all([serveQuiet(lab, product, quiet), beside]);
      served[name].push(service);
      return p99Of(service.waits);
    };
    const noise = (destinations: readonly string[]) =>
      lab.load.ask("publish", {
        ...loadOf(product, noisy),
        path: "/v2/batch",
        until: { count: NOISY_TIMES * BEATS },
        batchTo: { destinations, size: NOISY_TIMES },
      });
    await alternate(
      rounds * TURNS,
      {
        quiet: () => serve("quiet"),
        loaded: async () => {
          const p99 = await serve("loaded", noise([`${lab.receiver.url}/noisy`]));
          const count = (QUIET_TENANTS + NOISY_TIMES) * BEATS;
          await lab.receiver.ask("waitFor", { count, timeoutMs: 30_000 });
          return p99;
        },
        hanging: async () => {
          await hanging.ask("hang", undefined);
          // So many hang already, and as many come on top, while the others are served.
          await noise(addresses(port));
          const p99 = await serve("hanging", noise(addresses(port)));
          lab.note(`${await hanging.ask("countHeld", undefined)} requests hang`);
          // Nothing of this turn reaches the next.
          await hanging.ask("answerAll", 2 * NOISY_TIMES * BEATS);
          await sleep(RECORDED_MS);
          return p99;
        },
      },
      lab.note,
    );
    const [alone, loaded, hung] = [served.quiet, served.loaded, served.hanging].map((services) =>
      Array.from({ length: rounds }, (_, round) => roundOf(services, round)),
    );
    if (!alone || !loaded || !hung) throw new Error("nothing was measured");
    return {
      rows: [
        ...rowsOf("100 times the load", loaded, alone),
        ...rowsOf("1,000 hanging receivers", hung, alone),
      ],
      samples: [
        ...samplesOf("quiet", alone),
        ...samplesOf("beside 100 times the load", loaded),
        ...samplesOf("beside 1,000 hanging receivers", hung),
      ],
    };
  },
};

/** What the quiet tenants got in one round. */
interface Round {
  readonly p99Ms: number;
  /** The same of a typical beat: what holds up everybody once in five seconds is the machine's. */
  readonly typicalP99Ms: number;
  readonly leastShare: number;
}

/** All turns of a round as one; the turn before the first round is not counted. */
function roundOf(services: readonly Service[], round: number): Round {
  const turns = services.slice(1 + round * TURNS, 1 + (round + 1) * TURNS);
  const waits = turns.flatMap((turn) => turn.waits);
  const byBeat = Map.groupBy(waits, ({ sentAtMs }) => Math.floor(sentAtMs / BEAT_MS));
  const p99s = [...byBeat.values()].map(p99Of).toSorted((a, b) => a - b);
  return {
    p99Ms: p99Of(waits),
    typicalP99Ms: quantile(p99s, 0.5),
    leastShare: Math.min(...turns.map(({ leastShare }) => leastShare)),
  };
}

function rowsOf(beside: string, rounds: readonly Round[], alone: readonly Round[]) {
  const byAlone = (figure: "p99Ms" | "typicalP99Ms") =>
    divide(
      rounds.map((round) => round[figure]),
      alone.map((round) => round[figure]),
    );
  return [
    {
      name: `delivery p99 of 99 tenants beside ${beside} ÷ quiet`,
      unit: "ratio",
      values: byAlone("p99Ms"),
      target: { atMost: 2 },
    },
    {
      name: `delivery p99 of a typical ${BEAT_MS} ms beside ${beside} ÷ quiet`,
      unit: "ratio",
      values: byAlone("typicalP99Ms"),
      target: { atMost: 2 },
    },
    {
      name: `least share of one of them beside ${beside} ÷ its fair share`,
      unit: "ratio",
      values: rounds.map(({ leastShare }) => leastShare),
      target: { atLeast: 0.95 },
    },
  ] as const;
}

function samplesOf(beside: string, rounds: readonly Round[]) {
  return [
    { name: `p99, ${beside}`, unit: "ms", values: rounds.map(({ p99Ms }) => p99Ms) },
    {
      name: `p99 of a typical ${BEAT_MS} ms, ${beside}`,
      unit: "ms",
      values: rounds.map(({ typicalP99Ms }) => typicalP99Ms),
    },
  ];
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
  const countedFromMs =
    Math.min(...waits.map(({ sentAtMs }) => sentAtMs)) + OPENING_BEATS * BEAT_MS;
  return {
    waits: waits.filter(({ sentAtMs }) => sentAtMs >= countedFromMs),
    leastShare: Math.min(...served.map(({ share }) => share)),
  };
}

function p99Of(waits: readonly Wait[]): number {
  return quantile(
    waits.map(({ ms }) => ms).toSorted((a, b) => a - b),
    0.99,
  );
}
