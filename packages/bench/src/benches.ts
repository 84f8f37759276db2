import type { Bench } from "./bench.ts";
import { backlog } from "./benches/backlog.ts";
import { bodies } from "./benches/bodies.ts";
import { cost } from "./benches/cost.ts";
import { fairness } from "./benches/fairness.ts";
import { fairnessTenants } from "./benches/fairness-tenants.ts";
import { ingest } from "./benches/ingest.ts";
import { latency } from "./benches/latency.ts";
import { memory } from "./benches/memory.ts";
import { overload } from "./benches/overload.ts";
import { peers } from "./benches/peers.ts";
import { processes } from "./benches/processes.ts";
import { snapshot } from "./benches/snapshot.ts";
import { startUp } from "./benches/start.ts";
import { wholePath } from "./benches/whole-path.ts";

export const benches: readonly Bench[] = [
  ingest,
  wholePath,
  peers,
  backlog,
  fairness,
  fairnessTenants,
  cost,
  latency,
  snapshot,
  processes,
  bodies,
  overload,
  memory,
  startUp,
];
