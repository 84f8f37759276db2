import type { Bench } from "../bench.ts";
import { publishAndDeliver } from "../lab/deliver-all.ts";
import { startAllInOne } from "../lab/product.ts";
import { divide } from "../measure/alternate.ts";

const HELD_MS = 60_000;
const RUN = { count: 5_000, bodyBytes: 1024, connections: 256 };
/** A minute each: more would take the time of all other benches together. */
const ROUNDS = 2;

/** Throughput at the end of a minute in which an idle transaction holds its snapshot, beside free. */
export const snapshot: Bench = {
  name: "snapshot",
  summary: "throughput under a snapshot held for 60 s, beside free",
  async run(lab) {
    const databaseUrl = await lab.createDatabase("snapshot");
    const { origin } = await startAllInOne(lab, { databaseUrl });
    const holder = await lab.connect(databaseUrl);
    const run = () => publishAndDeliver(lab, { origin, ...RUN });
    const free: number[] = [];
    const held: number[] = [];
    await run();
    for (let round = 1; round <= ROUNDS; round += 1) {
      lab.note(`round ${round} of ${ROUNDS}`);
      free.push(await run());
      await holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
      await holder.query("SELECT count(*) FROM tenants");
      const heldSinceMs = performance.now();
      let last = Number.NaN;
      while (performance.now() - heldSinceMs < HELD_MS) last = await run();
      held.push(last);
      await holder.query("ROLLBACK");
      // What piled up is cleared away, as autovacuum would in its own time.
      await holder.query("VACUUM deliveries");
    }
    return {
      rows: [
        {
          name: "throughput under a snapshot held for 60 s ÷ free",
          unit: "ratio",
          values: divide(held, free),
          target: { atLeast: 0.7 },
        },
      ],
      samples: [
        { name: "free", unit: "messages/s", values: free },
        { name: "at the end of a held snapshot", unit: "messages/s", values: held },
      ],
    };
  },
};
