import { setTimeout as sleep } from "node:timers/promises";

import type { Bench, Row } from "../bench.ts";
import { publishAndDeliver, rateOfArrivals } from "../lab/deliver-all.ts";
import type { Lab } from "../lab/lab.ts";
import { NODE_FLAGS, startAllInOne } from "../lab/product.ts";
import { startRemote } from "../lab/remote.ts";
import { alternate, divide, WARM_UP_ROUNDS, type Measure } from "../measure/alternate.ts";
import type { PeerPlace, PeerProcess } from "../peers/peer.ts";
import { startRedis } from "../peers/redis-server.ts";

const BODY_BYTES = 1024;
const COUNT = 10_000;
const CONNECTIONS = 256;

const FINISH_MS = 1_000;

const PEERS = [
  { name: "pg-boss", file: "peer-pg-boss.ts", atLeast: 1.4, needsRedis: false },
  { name: "graphile-worker", file: "peer-graphile-worker.ts", atLeast: 1.4, needsRedis: false },
  { name: "BullMQ", file: "peer-bullmq.ts", atLeast: 2.5, needsRedis: true },
] as const;

/** The whole path beside the queues that a team would otherwise build it from, each as its users tune it. */
export const peers: Bench = {
  name: "peers",
  summary: "the whole path beside tuned pg-boss, graphile-worker and BullMQ",
  async run(lab, rounds) {
    const product = await startAllInOne(lab, {
      databaseUrl: await lab.createDatabase("peers"),
    });
    const redisPort = await startRedis(lab);
    const notes = redisPort === null ? ["BullMQ was left out: there is no redis-server here"] : [];
    const taking = PEERS.filter(({ needsRedis }) => !needsRedis || redisPort !== null);

    const publishing = {
      origin: product.origin,
      count: COUNT,
      bodyBytes: BODY_BYTES,
      connections: CONNECTIONS,
    };
    const contenders: Record<string, Measure> = {};
    for (const { name, file } of taking) {
      // Each peer has a turn of ours before it: after a longer rest V8 would have forgotten what it compiled.
      contenders[beside(name)] = () => thenFinish(publishAndDeliver(lab, publishing));
      contenders[name] = await startPeer(lab, file, {
        databaseUrl: await lab.createDatabase(name.toLowerCase().replace(/\W/g, "_")),
        redisPort: redisPort ?? 0,
        receiver: lab.receiver.url,
      });
    }
    const rates = await alternate(rounds, contenders, lab.note, WARM_UP_ROUNDS);
    return {
      rows: taking.map(({ name, atLeast }): Row => ({
        name: `whole path ÷ tuned ${name}, which logs nothing`,
        unit: "ratio",
        values: divide(rates[beside(name)] ?? [], rates[name] ?? []),
        target: { atLeast },
      })),
      samples: Object.entries(rates).map(([name, values]) => ({
        name,
        unit: "messages/s",
        values,
      })),
      notes,
    };
  },
};

const beside = (name: string) => `OmniStore beside ${name}`;

/** Outcomes that are not written yet are not to be written in the turn of the next. */
async function thenFinish(measuring: Promise<number>): Promise<number> {
  const rate = await measuring;
  await sleep(FINISH_MS);
  return rate;
}

/**
 * Starts a peer; measures messages per second from the first request to the last arrival. It is stopped
 * until its next turn: peers poll.
 */
async function startPeer(lab: Lab, file: string, place: PeerPlace): Promise<Measure> {
  const peer = await startRemote<PeerProcess>(file, { NODE_OPTIONS: NODE_FLAGS });
  lab.onClose(() => {
    process.kill(peer.pid, "SIGCONT");
    return peer.end();
  });
  const port = await peer.ask("listen", place);
  process.kill(peer.pid, "SIGSTOP");
  return async () => {
    process.kill(peer.pid, "SIGCONT");
    const measuring = rateOfArrivals(lab, COUNT, {
      origin: `http://127.0.0.1:${port}`,
      path: "/publish",
      headers: {},
      connections: CONNECTIONS,
      bodyBytes: BODY_BYTES,
      until: { count: COUNT },
    });
    const rate = await thenFinish(measuring);
    process.kill(peer.pid, "SIGSTOP");
    return rate;
  };
}
