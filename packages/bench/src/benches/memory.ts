import { setTimeout as sleep } from "node:timers/promises";

import type { Bench } from "../bench.ts";
import type { Lab } from "../lab/lab.ts";
import { publishAndDeliver } from "../lab/deliver-all.ts";
import { peakWhile, residentMb } from "../lab/memory.ts";
import { AUTHORIZATION, startAllInOne } from "../lab/product.ts";

/** Long enough for V8 to give back what work took, which it does after eight seconds without any. */
const SETTLE_MS = 15_000;
const RUN = { count: 10_000, bodyBytes: 1024, connections: 256 };
const WAITING = { count: 100_000, batchSize: 500, connections: 2, bodyBytes: 1024 };
/** Each fills a process of its own with what waits: more takes long and tells little. */
const ROUNDS = 2;

/** Resident memory of the one process, its PostgreSQL not counted. */
export const memory: Bench = {
  name: "memory",
  summary: "memory of the one process: idle, under load, and with 100,000 messages waiting",
  async run(lab) {
    const idle: number[] = [];
    const loaded: number[] = [];
    const added: number[] = [];
    const addedNext: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      lab.note(`round ${round} of ${ROUNDS}`);
      const product = await startAllInOne(lab, { databaseUrl: await lab.createDatabase("memory") });
      await sleep(SETTLE_MS);
      idle.push(await residentMb(product.pid));
      const { origin } = product;
      loaded.push(await peakWhile(product.pid, publishAndDeliver(lab, { origin, ...RUN })));
      await sleep(SETTLE_MS);
      const before = await residentMb(product.pid);
      await publishWaiting(lab, origin);
      const waiting = await residentMb(product.pid);
      added.push(waiting - before);
      // What the first of such requests made the process take is its work space: these find it there.
      await publishWaiting(lab, origin);
      addedNext.push((await residentMb(product.pid)) - waiting);
      await product.end();
    }
    return {
      rows: [
        { name: "memory idle", unit: "MB", values: idle, target: { atMost: 150 } },
        { name: "memory under load, most", unit: "MB", values: loaded },
        {
          name: "memory that 100,000 waiting messages add",
          unit: "MB",
          values: added,
          target: { atMost: 50 },
        },
        {
          name: "memory that the next 100,000 add",
          unit: "MB",
          values: addedNext,
          target: { atMost: 50 },
        },
      ],
      samples: [],
    };
  },
};

/** In large batches, all due in an hour; resolves when the process has settled. */
async function publishWaiting({ load, receiver }: Lab, origin: string): Promise<void> {
  await load.ask("publish", {
    origin,
    path: "/v2/batch",
    headers: AUTHORIZATION,
    connections: WAITING.connections,
    bodyBytes: WAITING.bodyBytes,
    until: { count: WAITING.count },
    batchTo: {
      destinations: [`${receiver.url}/`],
      size: WAITING.batchSize,
      headers: { "Upstash-Delay": "1h" },
    },
  });
  await sleep(SETTLE_MS);
}
