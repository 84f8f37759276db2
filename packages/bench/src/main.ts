import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

import type { Bench, BenchResult } from "./bench.ts";
import { benches } from "./benches.ts";
import { readOrExit } from "./command-line.ts";
import { openLab } from "./lab/lab.ts";
import { judge } from "./measure/verdict.ts";
import { describeMachine } from "./report/machine.ts";
import { renderProfiles } from "./report/profile.ts";
import { renderTable } from "./report/table.ts";
import { stopOnSignal } from "./stop-on-signal.ts";

const DEFAULT_ROUNDS = 3;
/** What a checkout to measure has to have. */
const PRODUCT = "apps/omnistore/src/main.ts";

const help = `Usage: bench [name …] [--rounds n] [--out file] [--against folder] [--profile]

Measures OmniStore side by side with what it is compared to, in turns, and prints one table of
ratios: least, median and greatest of all rounds. Only figures of one run can be compared.

${benches.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join("\n")}

  --rounds n         how often each contender has its turn (${DEFAULT_ROUNDS}; memory and snapshot: always 2)
  --against folder   ingest and whole-path only: measure that checkout too, before and after in one run
  --profile          tell where OmniStore spends its time, too; slows it down
  --out file         where the figures go as JSON (.omnistore/bench/latest.json)
`;

interface RunOptions {
  readonly rounds: number;
  readonly against: string | undefined;
  /** Where processes of OmniStore leave CPU profiles. */
  readonly profileDir: string | undefined;
}

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n\n${help}`);
  process.exit(2);
}

function readCommandLine() {
  const { values, positionals } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      rounds: { type: "string", default: String(DEFAULT_ROUNDS) },
      against: { type: "string" },
      profile: { type: "boolean", default: false },
      out: { type: "string", default: ".omnistore/bench/latest.json" },
    },
    allowPositionals: true,
  });
  return { ...values, names: positionals };
}

function chosen(names: readonly string[]): readonly Bench[] {
  if (names.length === 0) return benches;
  return names.map(
    (name) =>
      benches.find((bench) => bench.name === name) ?? refuse(`There is no bench "${name}".`),
  );
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Each bench has a lab of its own: nothing it leaves behind reaches the next. */
async function runBench(
  bench: Bench,
  { rounds, against, profileDir }: RunOptions,
): Promise<BenchResult> {
  const startedMs = performance.now();
  say(`${bench.name}: ${bench.summary}`);
  const lab = await openLab({
    note: (text) => say(`  ${text}`),
    against,
    profileDir,
    countsStatements: bench.countsStatements ?? false,
  });
  const release = stopOnSignal(() => lab.close());
  try {
    return await bench.run(lab, rounds);
  } finally {
    await lab.close();
    release();
    say(`  ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
  }
}

/** One that fails does not take the figures of the others with it. */
async function runOrExplain(bench: Bench, options: RunOptions): Promise<BenchResult> {
  try {
    return await runBench(bench, options);
  } catch (error) {
    process.exitCode = 1;
    const reason = error instanceof Error ? error.message : String(error);
    return { rows: [], samples: [], notes: [`${bench.name} failed: ${reason}`] };
  }
}

async function runAll(which: readonly Bench[], options: RunOptions, out: string): Promise<void> {
  const { rounds } = options;
  const machine = describeMachine();
  const startedAt = new Date().toISOString();
  const results = new Map<string, BenchResult>();
  for (const bench of which) results.set(bench.name, await runOrExplain(bench, options));

  const rows = [...results.values()].flatMap((result) => result.rows);
  const notes = [...results.values()].flatMap((result) => result.notes ?? []);
  const report = {
    startedAt,
    machine,
    rounds,
    rows: rows.map((row) => ({ ...row, verdict: judge(row) })),
    samples: [...results.values()].flatMap((result) => result.samples),
    notes,
  };
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, `${JSON.stringify(report, null, 2)}\n`);
  const { cpu, cores, memoryGiB, system, node } = machine;
  const place = `${cores} × ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}, ${rounds} rounds`;
  process.stdout.write(
    [place, "", renderTable(rows), ...notes, "", `figures: ${out}`, ""].join("\n"),
  );
}

const {
  help: isHelpAsked,
  rounds,
  out,
  against,
  profile,
  names,
} = readOrExit(readCommandLine, help);
if (isHelpAsked === true) process.stdout.write(help);
else if (!/^[1-9]\d?$/.test(rounds)) refuse(`--rounds must be 1 to 99, not "${rounds}".`);
else if (against !== undefined && !existsSync(join(against, PRODUCT))) {
  refuse(`--against must be a checkout of OmniStore: there is no ${PRODUCT} in "${against}".`);
} else {
  const asked = chosen(names);
  const profileDir = profile ? await mkdtemp(join(tmpdir(), "omnistore-profile-")) : undefined;
  await runAll(asked, { rounds: Number(rounds), against, profileDir }, out);
  if (profileDir !== undefined) {
    process.stdout.write(`\n${renderProfiles(profileDir)}`);
    await rm(profileDir, { recursive: true });
  }
}
