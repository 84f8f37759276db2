import type { Bench } from "../bench.ts";
import { publishAndDeliver } from "../lab/deliver-all.ts";
import { startAllInOne } from "../lab/product.ts";
import { startRemote } from "../lab/remote.ts";
import { rowsAgainst } from "../measure/against.ts";
import { alternate, divide, WARM_UP_ROUNDS } from "../measure/alternate.ts";
import type { SenderProcess } from "../processes/sender.ts";

const BODY_BYTES = 1024;
const CONNECTIONS = 256;
const COUNT = 12_000;

/** From POST to recorded delivery, beside the most that the HTTP client can send and nothing else. */
export const wholePath: Bench = {
  name: "whole-path",
  summary: "publish → store → deliver → record, beside the limit of undici alone",
  async run(lab, rounds) {
    const product = await startAllInOne(lab, {
      databaseUrl: await lab.createDatabase("whole_path"),
    });
    const other = lab.against
      ? await startAllInOne(lab, {
          databaseUrl: await lab.createDatabase("whole_path_against"),
          checkout: lab.against,
        })
      : undefined;
    const sender = await startRemote<SenderProcess>("sender.ts");
    lab.onClose(() => sender.end());
    const target = { origin: product.origin, count: COUNT, bodyBytes: BODY_BYTES };
    const rates = await alternate(
      rounds,
      {
        product: () => publishAndDeliver(lab, { ...target, connections: CONNECTIONS }),
        other:
          other &&
          (() =>
            publishAndDeliver(lab, { ...target, origin: other.origin, connections: CONNECTIONS })),
        batch: () => publishAndDeliver(lab, { ...target, connections: 4, batchSize: 100 }),
        limit: () =>
          sender.ask("send", {
            origin: lab.receiver.url,
            path: "/",
            count: 2 * COUNT,
            inFlight: 64,
            bodyBytes: BODY_BYTES,
          }),
      },
      lab.note,
      WARM_UP_ROUNDS,
    );
    return {
      rows: [
        {
          name: "whole path, a POST per message ÷ undici dispatch limit",
          unit: "ratio",
          values: divide(rates.product, rates.limit),
          target: { atLeast: 0.5 },
        },
        {
          name: "whole path, batches of 100 ÷ undici dispatch limit",
          unit: "ratio",
          values: divide(rates.batch, rates.limit),
          target: { atLeast: 0.5 },
        },
        ...rowsAgainst("whole path, a POST per message", rates),
      ],
      samples: [
        { name: "OmniStore, a POST per message", unit: "messages/s", values: rates.product },
        { name: "OmniStore, batches of 100", unit: "messages/s", values: rates.batch },
        { name: "undici dispatch alone", unit: "requests/s", values: rates.limit },
      ],
    };
  },
};
