import type { Lab } from "./lab.ts";
import { AUTHORIZATION } from "./product.ts";

export interface Publishing {
  readonly origin: string;
  readonly count: number;
  readonly bodyBytes: number;
  readonly connections: number;
  /** Messages of one request; without it, each has its own. */
  readonly batchSize?: number;
}

const DEADLINE_MS = 120_000;

/** Publishes so many messages as fast as they are accepted. Resolves with messages per second, first request to last arrival. */
export async function publishAndDeliver(lab: Lab, publishing: Publishing): Promise<number> {
  const { origin, count, bodyBytes, connections, batchSize } = publishing;
  const destination = `${lab.receiver.url}/`;
  return rateOfArrivals(lab, count, {
    origin,
    path: batchSize === undefined ? `/v2/publish/${destination}` : "/v2/batch",
    headers: AUTHORIZATION,
    connections,
    bodyBytes,
    until: { count },
    ...(batchSize === undefined
      ? {}
      : { batchTo: { destinations: [destination], size: batchSize } }),
  });
}

/** The same for whatever takes messages by HTTP and delivers them to the receiver of the lab. */
export async function rateOfArrivals(
  lab: Lab,
  count: number,
  load: Parameters<Lab["load"]["ask"]>[1],
): Promise<number> {
  await lab.receiver.ask("reset", undefined);
  const { startedAtMs } = await lab.load.ask("publish", load);
  await lab.receiver.ask("waitFor", { count, timeoutMs: DEADLINE_MS });
  const { lastAtMs } = await lab.receiver.ask("arrivals", "/");
  return (count / (lastAtMs - startedAtMs)) * 1000;
}
