import type { Redelivered, Redelivery, Verdict } from "./judge.ts";

const SHOWN = 5;

/** One line of the result: what was counted, the figure, its bound, and whether it held. */
function row(name: string, figure: string, bound: string, holds: boolean): string {
  return `${holds ? "ok    " : "BROKEN"}  ${name.padEnd(34)} ${figure.padStart(12)}   ${bound}`;
}

function none(name: string, broken: number | readonly string[]): string {
  const count = typeof broken === "number" ? broken : broken.length;
  const some =
    typeof broken === "number" || count === 0 ? "" : ` (${broken.slice(0, SHOWN).join(", ")})`;
  return row(name, String(count), `0${some}`, count === 0);
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

function redeliveryRow(name: string, redelivery: Redelivery, leaseMs: number): string {
  const { count, p50, p99, max } = redelivery;
  const rest = `${count} messages, p50 ${ms(p50)}, max ${ms(max)}`;
  const bound = `2 × lease = ${ms(2 * leaseMs)} without what PostgreSQL was away (${rest})`;
  const holds = p99 <= 2 * leaseMs;
  const slowest = holds ? [] : redelivery.slowest.map(tell);
  return [row(name, ms(p99), bound, holds), ...slowest].join("\n");
}

/** Which one was slow, and what was killed meanwhile. */
function tell({ path, delayMs, cutOffMs, kills }: Redelivered): string {
  const killed = kills.map(({ victim, atMs }) => `${victim} at ${ms(atMs)}`).join(", ");
  return `        ${path}, arrived at ${ms(cutOffMs)}, again after ${ms(delayMs)}; killed: ${killed}`;
}

/** The result as a table, one bound a line. */
export function report(verdict: Verdict, leaseMs: number): string {
  const { duplicates, redelivery, redeliveryAfterMore } = verdict;
  return [
    none("lost", verdict.lost),
    none("delivered before their time", verdict.early),
    none("recorded twice", verdict.recordedTwice),
    none("duplicates without a kill", duplicates.unexplained),
    row(
      "duplicates after kills",
      String(duplicates.dispatcher + duplicates.postgres),
      `each kill: in flight then + one record batch (dispatcher ${duplicates.dispatcher}, PostgreSQL ${duplicates.postgres}, most of one kill ${verdict.mostDuplicatesOfOneKill})`,
      verdict.killsOverBound === 0,
    ),
    none("order breaks in queues", verdict.orderBreaks),
    none("parallelism breaks", verdict.parallelismBreaks),
    none("rate breaks", verdict.rateBreaks),
    none("missed ticks", verdict.missedTicks),
    none("double ticks", verdict.doubleTicks),
    redeliveryRow("redelivery after a kill, p99", redelivery, leaseMs),
    redeliveryRow("same, from the last of several", redeliveryAfterMore, leaseMs),
  ].join("\n");
}
