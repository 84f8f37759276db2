import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { startEmbeddedPostgres } from "@omnistore/db/embedded/embedded-postgres";
import { migrate } from "@omnistore/db/migrate";
import { createCore, type EngineCore } from "@omnistore/engine/core";
import { createDatabase } from "@omnistore/testkit/postgres";
import fc from "fast-check";

import { readOrExit, wholeNumber } from "../command-line.ts";
import { runLife } from "./run.ts";
import { steps } from "./steps.ts";

const HELP = `Usage: pnpm soak:model [--seeds N] [--seed S]

Takes random steps (publishes, claims, outcomes with their callbacks, crashes before any statement of
them, lost leases, cancels, a clock that jumps) with the engine's statements on a PostgreSQL of its
own, and holds each against a simple model of what was promised. Each seed is a run of up to 30 steps;
a failure is shrunk and says how to replay it.

  --seeds N   how many runs (100000)
  --seed S    the first one (1); the next runs count up from it
  --help      this text
`;

/** Seeds that run side by side, each in a database of its own, as claims know no tenants. */
const LANES = 4;
const PROGRESS_EVERY_MS = 5_000;

function readOptions() {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string" },
      seed: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  return {
    isHelpAsked: values.help,
    seeds: wholeNumber("seeds", values.seeds, { byDefault: 100_000, atLeast: 1 }),
    seed: wholeNumber("seed", values.seed, { byDefault: 1, atLeast: 0 }),
  };
}

const { isHelpAsked, seeds, seed: firstSeed } = readOrExit(readOptions, HELP);
if (isHelpAsked) process.stdout.write(HELP);
else process.exitCode = await runSeeds(firstSeed, seeds);

async function runSeeds(first: number, count: number): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), "omnistore-model-"));
  // Root's Postgres runs under another account, which must be able to pass.
  chmodSync(dataDir, 0o755);
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  const cores = await Promise.all(Array.from({ length: LANES }, () => makeEngine(postgres.url)));
  const startMs = performance.now();
  let toldMs = startMs;
  let next = first;
  let failure: string | undefined;

  async function takeSeeds(core: EngineCore): Promise<void> {
    while (next < first + count && failure === undefined) {
      const seed = (next += 1) - 1;
      const property = fc.asyncProperty(steps, (taken) => runLife(core, taken));
      const result = await fc.check(property, { seed, numRuns: 1 });
      if (result.failed) {
        failure ??=
          `${fc.defaultReportMessage(result) ?? ""}\n${String(result.errorInstance)}\n` +
          `replay with: pnpm soak:model --seeds 1 --seed ${seed}\n`;
      }
      if (performance.now() - toldMs < PROGRESS_EVERY_MS) continue;
      toldMs = performance.now();
      process.stderr.write(`${seed - first + 1} of ${count}\n`);
    }
  }

  try {
    await Promise.all(cores.map(takeSeeds));
    if (failure !== undefined) {
      process.stderr.write(failure);
      return 1;
    }
    const seconds = Math.round((performance.now() - startMs) / 1_000);
    process.stdout.write(`${count} seeds from ${first} on kept every promise, in ${seconds} s\n`);
    return 0;
  } finally {
    await Promise.all(cores.map((core) => core.stop()));
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** An engine on an empty database of the service on that server. */
async function makeEngine(serverUrl: string): Promise<EngineCore> {
  const { url } = await createDatabase(serverUrl, { namePrefix: "model" });
  await migrate(url);
  const core = createCore({
    databaseUrl: url,
    encryptionKey: randomBytes(32),
    sealsContent: true,
  });
  await core.start();
  return core;
}
