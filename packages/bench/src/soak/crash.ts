import { readOrExit } from "../command-line.ts";
import { isGood } from "./judge.ts";
import { HELP, readOptions, type SoakOptions } from "./options.ts";
import { report } from "./report.ts";
import { soak } from "./soak.ts";

const SHOWN_OUTPUT_LINES = 200;

async function run(options: SoakOptions): Promise<boolean> {
  const { verdict, left, output } = await soak(options, say);
  const leaseMs = options.leaseSeconds * 1_000;
  say("");
  say(report(verdict, leaseMs));
  say(`${left === 0 ? "ok    " : "BROKEN"}  still waiting in the end: ${left}`);
  const good = left === 0 && isGood(verdict, leaseMs);
  if (!good) process.stderr.write(`${output.split("\n").slice(-SHOWN_OUTPUT_LINES).join("\n")}\n`);
  return good;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const options = readOrExit(() => readOptions(process.argv.slice(2)), HELP);
if (options === "help") say(HELP);
else process.exitCode = (await run(options)) ? 0 : 1;
