import type { Bench } from "../bench.ts";
import type { Lab } from "../lab/lab.ts";
import { startAllInOne, type ProductPlace } from "../lab/product.ts";
import { alternate } from "../measure/alternate.ts";

/** From the start of the process to ready, where there are data already. */
export const startUp: Bench = {
  name: "start",
  summary: "start-up to ready with an existing database, given and embedded",
  async run(lab, rounds) {
    const databaseUrl = await lab.createDatabase("start");
    const dataDir = lab.makeFolder("own");
    const figures = await alternate(
      rounds,
      { given: () => startMs(lab, { databaseUrl }), own: () => startMs(lab, { dataDir }) },
      lab.note,
    );
    return {
      rows: [
        {
          name: "start to ready, existing database",
          unit: "ms",
          values: figures.given,
          target: { atMost: 2_000 },
        },
        {
          name: "start to ready, existing data of the embedded PostgreSQL",
          unit: "ms",
          values: figures.own,
          target: { atMost: 2_000 },
        },
      ],
      samples: [],
    };
  },
};

async function startMs(lab: Lab, place: ProductPlace): Promise<number> {
  const startedMs = performance.now();
  const product = await startAllInOne(lab, place);
  const tookMs = performance.now() - startedMs;
  await product.end();
  return tookMs;
}
