import type { Bench } from "./bench.ts";
import { ingest } from "./benches/ingest.ts";
import { latency } from "./benches/latency.ts";
import { peers } from "./benches/peers.ts";
import { wholePath } from "./benches/whole-path.ts";

export const benches: readonly Bench[] = [ingest, wholePath, peers, latency];
