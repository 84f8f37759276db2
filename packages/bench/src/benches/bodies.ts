import type { Bench, Row } from "../bench.ts";
import { publishAndDeliver } from "../lab/deliver-all.ts";
import { startAllInOne } from "../lab/product.ts";
import { startRemote } from "../lab/remote.ts";
import { alternate, divide, type Measure } from "../measure/alternate.ts";
import type { SenderProcess } from "../processes/sender.ts";

const SIZES = [
  { name: "1 KB", bytes: 1_000, count: 6_000 },
  { name: "100 KB", bytes: 100_000, count: 600 },
  { name: "1 MB", bytes: 1_000_000, count: 80 },
] as const;
const CONNECTIONS = 32;

/** The whole path with small and large bodies, each beside the limit of undici with the same body. */
export const bodies: Bench = {
  name: "bodies",
  summary: "the whole path with bodies of 1 KB, 100 KB and 1 MB, beside undici alone",
  async run(lab, rounds) {
    const { origin } = await startAllInOne(lab, {
      databaseUrl: await lab.createDatabase("bodies"),
    });
    const sender = await startRemote<SenderProcess>("sender.ts");
    lab.onClose(() => sender.end());
    const contenders: Record<string, Measure> = {};
    for (const { name, bytes, count } of SIZES) {
      contenders[`OmniStore, ${name}`] = () =>
        publishAndDeliver(lab, { origin, count, bodyBytes: bytes, connections: CONNECTIONS });
      contenders[`undici, ${name}`] = () =>
        sender.ask("send", {
          origin: lab.receiver.url,
          path: "/",
          count,
          inFlight: CONNECTIONS,
          bodyBytes: bytes,
        });
    }
    const rates = await alternate(rounds, contenders, lab.note);
    return {
      rows: SIZES.map(({ name }): Row => ({
        name: `whole path, bodies of ${name} ÷ undici dispatch limit`,
        unit: "ratio",
        values: divide(rates[`OmniStore, ${name}`] ?? [], rates[`undici, ${name}`] ?? []),
      })),
      samples: Object.entries(rates).map(([name, values]) => ({
        name,
        unit: "messages/s",
        values,
      })),
    };
  },
};
