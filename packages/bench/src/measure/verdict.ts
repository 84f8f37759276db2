import type { Row, Target } from "../bench.ts";
import { summarise, type Summary } from "./statistics.ts";

/** Rounds whose greatest value is more than this many times the least say nothing. */
const SPREAD_LIMIT = 1.6;

export type Verdict =
  | { readonly kind: "measured"; readonly summary: Summary; readonly meets: boolean | null }
  | { readonly kind: "refused"; readonly reason: string };

/** What a row may claim: nothing when its rounds disagree. */
export function judge({ values, unit, target }: Row): Verdict {
  const summary = summarise(values);
  if (!Object.values(summary).every(Number.isFinite)) {
    return { kind: "refused", reason: "nothing was measured" };
  }
  // Milliseconds and megabytes are small numbers beside a target: their spread is shown, not judged.
  if (unit === "ratio" && summary.max > SPREAD_LIMIT * summary.min) {
    const range = `${summary.min.toPrecision(3)} to ${summary.max.toPrecision(3)}`;
    return { kind: "refused", reason: `runs differ too much: ${range}` };
  }
  return { kind: "measured", summary, meets: target ? meets(summary.median, target) : null };
}

function meets(value: number, target: Target): boolean {
  return "atLeast" in target ? value >= target.atLeast : value <= target.atMost;
}
