import { stopOnSignal } from "../stop-on-signal.ts";
import { cpus, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import { startCluster, type Cluster } from "./cluster.ts";
import { countWaiting, readJournal, readRecords, ticksOf } from "./evidence.ts";
import { judge, type Kill, type Verdict, type Victim } from "./judge.ts";
import { FLOW_KEYS, Load } from "./load.ts";
import { nowMs } from "./now.ts";
import type { SoakOptions } from "./options.ts";
import { Publisher } from "./publisher.ts";
import { pick, randomFrom } from "./random.ts";

/** Each process is as likely a victim as the next one: two of each app, one PostgreSQL. */
const VICTIMS: readonly { readonly item: Victim; readonly weight: number }[] = [
  { item: "api", weight: 2 },
  { item: "dispatcher", weight: 2 },
  { item: "scheduler", weight: 2 },
  { item: "postgres", weight: 1 },
];
const DRAIN_LIMIT_MS = 180_000;
/** A tick so shortly before the schedules are removed need not have fired. */
const TICK_GRACE_MS = 15_000;
const PROGRESS_EVERY_MS = 5_000;

async function killAtRandom(
  cluster: Cluster,
  { kills, seconds }: SoakOptions,
  random: () => number,
): Promise<readonly Kill[]> {
  const startMs = performance.now();
  const done: Kill[] = [];
  for (let index = 0; index < kills; index += 1) {
    // Somewhere inside its share of the time, so that no rhythm of ours meets one of theirs.
    const dueMs = startMs + ((index + random()) * seconds * 1_000) / kills;
    await sleep(Math.max(0, dueMs - performance.now()));
    done.push(await cluster.kill(pick(VICTIMS, random()), random() < 0.5 ? 0 : 1));
  }
  return done;
}

async function drain(databaseUrl: string): Promise<number> {
  const deadline = performance.now() + DRAIN_LIMIT_MS;
  for (;;) {
    const waiting = await countWaiting(databaseUrl).catch(() => -1);
    if (waiting === 0 || performance.now() > deadline) return waiting;
    await sleep(200);
  }
}

/** What came of a soak. */
export interface SoakResult {
  readonly verdict: Verdict;
  /** Messages still to be delivered when all had the time to be. */
  readonly left: number;
  /** What the processes said, for a look at a run that went wrong. */
  readonly output: string;
}

/**
 * Loads a cluster, kills its processes at random, and judges what the receiver and the database saw.
 * `say` is told of the machine, the run and the kills, line by line.
 */
export async function soak(options: SoakOptions, say: (line: string) => void): Promise<SoakResult> {
  const { kills, messages, seed, seconds, leaseSeconds } = options;
  const [cpu] = cpus();
  say(
    `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`,
  );
  say(
    `${kills} kills, ${messages} messages in ${seconds} s, seed ${seed}, lease ${leaseSeconds} s` +
      (options.clockSkew ? ", clocks an hour ahead and behind" : ""),
  );
  const cluster = await startCluster(options);
  const release = stopOnSignal(() => cluster.stop());
  const publisher = new Publisher(cluster.apiUrls);
  const load = new Load({ publisher, receiverUrl: cluster.receiverUrl, random: randomFrom(seed) });
  const startMs = performance.now();
  const progress = setInterval(() => {
    const elapsed = Math.round((performance.now() - startMs) / 1_000);
    process.stderr.write(`${elapsed} s: ${load.acknowledged.length} acknowledged\n`);
  }, PROGRESS_EVERY_MS);
  try {
    await load.prepare();
    const [killed] = await Promise.all([
      killAtRandom(cluster, options, randomFrom(seed + 1)),
      load.run(messages, seconds * 1_000),
    ]);
    const endedMs = nowMs();
    await load.removeSchedules();
    const left = await drain(cluster.databaseUrl);
    const arrivals = await readJournal(cluster.receiverUrl);
    const leaseMs = leaseSeconds * 1_000;
    const verdict = judge({
      arrivals,
      acknowledged: load.acknowledged,
      kills: killed,
      flowKeys: FLOW_KEYS,
      leaseMs,
      ...(await readRecords(cluster.databaseUrl)),
      ...ticksOf(load.schedules, arrivals, endedMs - TICK_GRACE_MS),
    });
    const refused = [...publisher.refused].map(
      ([status, count]) => `${count} × ${status || "no answer"}`,
    );
    const killsOf = VICTIMS.map(
      ({ item }) => `${item} ${killed.filter(({ victim }) => victim === item).length}`,
    );
    say(`killed: ${killsOf.join(", ")}`);
    const outages = killed.flatMap(({ atMs, backMs }) =>
      backMs === undefined ? [] : [backMs - atMs],
    );
    say(
      `PostgreSQL was away for ${outages.map((ms) => `${Math.round(ms)} ms`).join(", ") || "no time"}`,
    );
    say(
      `${load.acknowledged.length} messages acknowledged, ${arrivals.length} requests received, ` +
        `publishes refused and sent again: ${refused.join(", ") || "none"}`,
    );
    return { verdict, left, output: cluster.output() };
  } finally {
    clearInterval(progress);
    release();
    await publisher.close();
    await cluster.stop();
  }
}
