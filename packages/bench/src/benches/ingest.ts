import type { Bench } from "../bench.ts";
import type { Lab } from "../lab/lab.ts";
import { AUTHORIZATION, startApi } from "../lab/product.ts";
import { startRemote } from "../lab/remote.ts";
import { rowsAgainst } from "../measure/against.ts";
import { alternate, divide } from "../measure/alternate.ts";
import type { BareEndpointProcess } from "../processes/bare-endpoint.ts";
import type { NaiveEndpointProcess } from "../processes/naive-endpoint.ts";

const CONNECTIONS = 64;
const BODY_BYTES = 1024;
const RUN_MS = 2_500;

/** Accepting messages durably, beside an endpoint that keeps nothing and beside a transaction per request. */
export const ingest: Bench = {
  name: "ingest",
  summary: "durable ingest beside a bare endpoint, and beside drizzle + boss.send per request",
  async run(lab, rounds) {
    const api = await startApi(lab, { databaseUrl: await lab.createDatabase("ingest") });
    const other = lab.against
      ? await startApi(lab, {
          databaseUrl: await lab.createDatabase("ingest_against"),
          checkout: lab.against,
        })
      : undefined;
    const path = `/v2/publish/${lab.receiver.url}/`;
    const bare = await startRemote<BareEndpointProcess>("bare-endpoint.ts");
    lab.onClose(() => bare.end());
    const naive = await startRemote<NaiveEndpointProcess>("naive-endpoint.ts");
    lab.onClose(() => naive.end());
    const bareOrigin = `http://127.0.0.1:${await bare.ask("listen", undefined)}`;
    const naiveDatabase = await lab.createDatabase("naive");
    const naiveOrigin = `http://127.0.0.1:${await naive.ask("listen", naiveDatabase)}`;

    const rates = await alternate(
      rounds,
      {
        product: () => acceptedPerSecond(lab, api.origin, path, AUTHORIZATION),
        other: other && (() => acceptedPerSecond(lab, other.origin, path, AUTHORIZATION)),
        bare: () => acceptedPerSecond(lab, bareOrigin, "/publish"),
        naive: () => acceptedPerSecond(lab, naiveOrigin, "/publish"),
      },
      lab.note,
    );
    return {
      rows: [
        {
          name: "durable ingest ÷ bare Hono endpoint, 64 connections",
          unit: "ratio",
          values: divide(rates.product, rates.bare),
          target: { atLeast: 0.85 },
        },
        {
          name: "durable ingest ÷ (drizzle transaction + boss.send per request)",
          unit: "ratio",
          values: divide(rates.product, rates.naive),
          target: { atLeast: 8 },
        },
        ...rowsAgainst("durable ingest", rates),
      ],
      samples: [
        { name: "OmniStore api, stored durably", unit: "accepted/s", values: rates.product },
        { name: "bare Hono endpoint", unit: "accepted/s", values: rates.bare },
        { name: "drizzle + boss.send", unit: "accepted/s", values: rates.naive },
      ],
    };
  },
};

async function acceptedPerSecond(
  lab: Lab,
  origin: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { accepted, elapsedMs } = await lab.load.ask("publish", {
    origin,
    path,
    headers,
    connections: CONNECTIONS,
    bodyBytes: BODY_BYTES,
    until: { elapsedMs: RUN_MS },
  });
  return (accepted / elapsedMs) * 1000;
}
