import { defineConfig } from "vitest/config";

import { SummaryReporter } from "./packages/testkit/src/summary-reporter.ts";

const everyTest = "{apps,packages}/*/{src,test}/**/*.test.ts";
const needsPostgres = "{apps,packages}/*/{src,test}/**/*.pg.test.ts";
const needsEverything = "{apps,packages}/*/{src,test}/**/*.e2e.test.ts";
const globalSetup = "packages/testkit/src/global-setup.ts";

// What a test needs is in its name: nothing, Postgres, or the whole service.
export default defineConfig({
  test: {
    reporters: ["default", new SummaryReporter()],
    projects: [
      {
        test: {
          name: "unit",
          include: [everyTest],
          exclude: [needsPostgres, needsEverything],
          testTimeout: 10_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "pg",
          include: [needsPostgres],
          globalSetup,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: [needsEverything],
          globalSetup,
          // They measure lateness: files side by side would measure each other.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
