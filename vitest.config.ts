import { defineConfig } from "vitest/config";

import { SummaryReporter } from "./packages/testkit/src/summary-reporter.ts";

const everyTest = "{apps,packages}/*/{src,test}/**/*.test.ts";
const needsPostgres = "{apps,packages}/*/{src,test}/**/*.pg.test.ts";
const needsEverything = "{apps,packages}/*/{src,test}/**/*.e2e.test.ts";
const needsTheMachine = "{apps,packages}/*/{src,test}/**/*.alone.e2e.test.ts";
const globalSetup = "packages/testkit/src/global-setup.ts";

// Two side by side at first, also on two cores, since most of them wait more than they work; then one by one those
// that measure time, which would measure each other.
const SIDE_BY_SIDE = { maxWorkers: 2, sequence: { groupOrder: 0 } };
const ONE_BY_ONE = { maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 1 } };

// What a test needs is in its name: nothing, Postgres, the whole service, or the machine for itself.
export default defineConfig({
  test: {
    reporters: ["default", new SummaryReporter()],
    projects: [
      {
        test: {
          name: "unit",
          include: [everyTest],
          exclude: [needsPostgres, needsEverything],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          ...SIDE_BY_SIDE,
        },
      },
      {
        test: {
          name: "pg",
          include: [needsPostgres],
          globalSetup,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...SIDE_BY_SIDE,
        },
      },
      {
        test: {
          name: "e2e",
          include: [needsEverything],
          exclude: [needsTheMachine],
          globalSetup,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...SIDE_BY_SIDE,
        },
      },
      {
        test: {
          name: "alone",
          include: [needsTheMachine],
          globalSetup,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...ONE_BY_ONE,
        },
      },
    ],
  },
});
