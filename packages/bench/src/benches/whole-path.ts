import type { Bench } from "../bench.ts";
import { publishAndDeliver } from "../lab/deliver-all.ts";
import { startAllInOne } from "../lab/product.ts";
import { startRemote } from "../lab/remote.ts";
import { alternate, divide } from "../measure/alternate.ts";
import type { SenderProcess } from "../processes/sender.ts";

const BODY_BYTES = 1024;
const COUNT = 12_000;

/** From POST to recorded delivery, beside the most that the HTTP client can send and nothing else. */
export const wholePath: Bench = {
  name: "whole-path",
  summary: "publish → store → deliver → record, beside the limit of undici alone",
  async run(lab, rounds) {
    const product = await startAllInOne(lab, await lab.createDatabase("whole_path"));
    const sender = await startRemote<SenderProcess>("sender.ts");
    lab.onClose(() => sender.end());
    const target = { origin: product.origin, count: COUNT, bodyBytes: BODY_BYTES };
    const rates = await alternate(
      rounds,
      {
        single: () => publishAndDeliver(lab, { ...target, connections: 256 }),
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
    );
    return {
      rows: [
        {
          name: "whole path, a POST per message ÷ undici dispatch limit",
          unit: "ratio",
          values: divide(rates.single, rates.limit),
          target: { atLeast: 0.5 },
        },
        {
          name: "whole path, batches of 100 ÷ undici dispatch limit",
          unit: "ratio",
          values: divide(rates.batch, rates.limit),
          target: { atLeast: 0.5 },
        },
      ],
      samples: [
        { name: "OmniStore, a POST per message", unit: "messages/s", values: rates.single },
        { name: "OmniStore, batches of 100", unit: "messages/s", values: rates.batch },
        { name: "undici dispatch alone", unit: "requests/s", values: rates.limit },
      ],
    };
  },
};
