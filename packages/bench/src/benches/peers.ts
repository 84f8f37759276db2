import type { Bench, Row } from "../bench.ts";
import { publishAndDeliver, rateOfArrivals } from "../lab/deliver-all.ts";
import type { Lab } from "../lab/lab.ts";
import { startAllInOne } from "../lab/product.ts";
import { startRemote } from "../lab/remote.ts";
import { alternate, divide, type Measure } from "../measure/alternate.ts";
import type { PeerPlace, PeerProcess } from "../peers/peer.ts";
import { startRedis } from "../peers/redis-server.ts";

const BODY_BYTES = 1024;
const COUNT = 10_000;
const CONNECTIONS = 256;

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

    const contenders: Record<string, Measure> = {
      OmniStore: () =>
        publishAndDeliver(lab, {
          origin: product.origin,
          count: COUNT,
          bodyBytes: BODY_BYTES,
          connections: CONNECTIONS,
        }),
    };
    for (const { name, file } of taking) {
      contenders[name] = await startPeer(lab, file, {
        databaseUrl: await lab.createDatabase(name.toLowerCase().replace(/\W/g, "_")),
        redisPort: redisPort ?? 0,
        receiver: lab.receiver.url,
      });
    }
    const rates = await alternate(rounds, contenders, lab.note);
    return {
      rows: taking.map(({ name, atLeast }): Row => ({
        name: `whole path ÷ tuned ${name}, which logs nothing`,
        unit: "ratio",
        values: divide(rates["OmniStore"] ?? [], rates[name] ?? []),
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

/** Starts a peer; measures messages per second from the first request to the last arrival. */
async function startPeer(lab: Lab, file: string, place: PeerPlace): Promise<Measure> {
  const peer = await startRemote<PeerProcess>(file);
  lab.onClose(() => peer.end());
  const port = await peer.ask("listen", place);
  return () =>
    rateOfArrivals(lab, COUNT, {
      origin: `http://127.0.0.1:${port}`,
      path: "/publish",
      headers: {},
      connections: CONNECTIONS,
      bodyBytes: BODY_BYTES,
      until: { count: COUNT },
    });
}
