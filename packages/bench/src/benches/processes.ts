import type { Bench, Row } from "../bench.ts";
import { publishAndDeliver } from "../lab/deliver-all.ts";
import type { Lab } from "../lab/lab.ts";
import { startAllInOne, startApi, startDispatcher } from "../lab/product.ts";
import { alternate, divide, type Measure } from "../measure/alternate.ts";

const RUN = { count: 5_000, bodyBytes: 1024, connections: 256 };
const DISPATCHERS = [1, 2, 4] as const;

/** Api and dispatchers as processes of their own, beside all in one. On few cores they share them. */
export const processes: Bench = {
  name: "processes",
  summary: "api and 1, 2 or 4 dispatchers as separate processes, beside all in one",
  async run(lab, rounds) {
    const all = await startAllInOne(lab, { databaseUrl: await lab.createDatabase("all_in_one") });
    const contenders: Record<string, Measure> = {
      "all in one": () => publishAndDeliver(lab, { origin: all.origin, ...RUN }),
    };
    for (const count of DISPATCHERS) contenders[nameOf(count)] = await startSeparate(lab, count);
    const rates = await alternate(rounds, contenders, lab.note);
    return {
      rows: DISPATCHERS.map((count): Row => ({
        name: `whole path with ${nameOf(count)} ÷ all in one`,
        unit: "ratio",
        values: divide(rates[nameOf(count)] ?? [], rates["all in one"] ?? []),
      })),
      samples: Object.entries(rates).map(([name, values]) => ({
        name,
        unit: "messages/s",
        values,
      })),
    };
  },
};

function nameOf(dispatchers: number): string {
  return dispatchers === 1 ? "an api and a dispatcher" : `an api and ${dispatchers} dispatchers`;
}

async function startSeparate(lab: Lab, dispatchers: number): Promise<Measure> {
  const databaseUrl = await lab.createDatabase(`apart_${dispatchers}`);
  const { origin } = await startApi(lab, { databaseUrl });
  for (let n = 0; n < dispatchers; n += 1) startDispatcher(lab, { databaseUrl });
  return () => publishAndDeliver(lab, { origin, ...RUN });
}
