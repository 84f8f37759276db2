import type { Lab } from "./lab/lab.ts";

/** What a figure has to be. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** One line of the table: the same figure, measured once in each round. */
export interface Row {
  readonly name: string;
  readonly unit: "ratio" | "ms" | "MB" | "per message";
  readonly values: readonly number[];
  readonly target?: Target;
}

/** What one contender did in each round, in its own unit: to understand a ratio, never to quote. */
export interface Samples {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
}

export interface BenchResult {
  readonly rows: readonly Row[];
  readonly samples: readonly Samples[];
  /** What was left out, and why. */
  readonly notes?: readonly string[];
}

export interface Bench {
  readonly name: string;
  readonly summary: string;
  /** True when it needs a PostgreSQL that counts statements. */
  readonly countsStatements?: true;
  run(lab: Lab, rounds: number): Promise<BenchResult>;
}
