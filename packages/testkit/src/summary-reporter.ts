import type { Reporter, TestModule, Vitest } from "vitest/node";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Prints `N passed, N failed, N skipped` as the very last line of a run. What fails outside a test counts as a
 * failure too, so a red run never says "0 failed".
 */
export class SummaryReporter implements Reporter {
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 };

  onInit(vitest: Vitest): void {
    if (vitest.config.watch) return;
    // Teardown and the default reporter still speak after the last test; nothing speaks after this.
    process.once("exit", (exitCode) => {
      process.stdout.write(`${formatCounts(this.#counts, exitCode)}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#counts = countResults(modules, unhandledErrors.length);
  }
}

/** `exitCode` is that of the whole run: a failure that no test shows still counts as one. */
export function formatCounts({ passed, failed, skipped }: Counts, exitCode: number): string {
  const failures = exitCode === 0 ? failed : Math.max(failed, 1);
  return `${passed} passed, ${failures} failed, ${skipped} skipped`;
}

function countResults(modules: readonly TestModule[], unhandledErrors: number): Counts {
  const counts = { passed: 0, failed: unhandledErrors, skipped: 0 };
  for (const module of modules) {
    // A file that cannot be loaded, or a hook around a suite that fails.
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that was never finished proves nothing.
      counts[state === "pending" ? "failed" : state] += 1;
    }
  }
  return counts;
}
