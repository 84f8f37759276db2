import { defineConfig } from "oxlint";
import { importWalls, testFiles } from "./lint/import-walls.ts";

export default defineConfig({
  plugins: ["eslint", "typescript", "unicorn", "oxc", "import", "node", "promise", "vitest"],
  jsPlugins: ["./lint/explicit-clock.ts"],
  options: { typeAware: true, reportUnusedDisableDirectives: "error" },
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  rules: {
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/await-thenable": "error",
    "typescript/consistent-type-imports": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/switch-exhaustiveness-check": "error",
    "import/no-cycle": ["error", { ignoreTypes: false }],
    "import/no-default-export": "error",
    "node/no-process-env": "error",
    eqeqeq: "error",
    "no-console": "error",
    "max-lines": ["error", { max: 400 }],
    // Most loops that await here must: statements in order, one connection, one service after another.
    "no-await-in-loop": "off",
    // TypeScript's noImplicitReturns says the same and knows when a switch is exhaustive.
    "typescript/consistent-return": "off",
    // Copying a value instead of changing it is the style here, in a map too.
    "oxc/no-map-spread": "off",
    // `pg` is CommonJS: its default import is the form that works the same everywhere.
    "import/no-named-as-default-member": "off",
  },
  overrides: [
    ...importWalls(),
    {
      files: ["packages/domain/src/**"],
      excludeFiles: testFiles,
      rules: {
        "import/no-nodejs-modules": "error",
        "oxc/no-async-await": "error",
        "omnistore/explicit-clock": "error",
        "no-restricted-globals": [
          "error",
          "process",
          "performance",
          "crypto",
          "fetch",
          "setTimeout",
          "setInterval",
          "setImmediate",
        ],
        "no-restricted-properties": [
          "error",
          { object: "Date", property: "now", message: "Take `now` as an argument." },
          { object: "Math", property: "random", message: "Take randomness as an argument." },
        ],
      },
    },
    {
      // Time is the database's: a process may not ask the machine, whose clock may be wrong.
      files: ["packages/{wire-*,engine}/src/**"],
      excludeFiles: testFiles,
      rules: {
        "omnistore/explicit-clock": "error",
        "no-restricted-properties": [
          "error",
          { object: "Date", property: "now", message: "Ask the database's clock." },
        ],
      },
    },
    {
      // The environment is read once, where a process begins, and turned into a typed config.
      files: [
        "apps/*/src/main.ts",
        "packages/runtime/src/config.ts",
        // Asks how it was started, which is not a setting.
        "packages/runtime/src/run-service.ts",
        "packages/{testkit,bench}/**",
        ...testFiles,
      ],
      rules: { "node/no-process-env": "off" },
    },
    {
      // These talk to a person at a terminal; services log through the logger.
      files: ["apps/omnistore/**", "packages/bench/**", "scripts/**"],
      rules: { "no-console": "off" },
    },
    {
      files: testFiles,
      rules: {
        // A list of cases may be long and still be one idea.
        "max-lines": "off",
        // A property over generated values expects one thing of some and another of the rest.
        "vitest/no-conditional-expect": "off",
        // What a server answered is asserted right after it is named.
        "typescript/no-unsafe-type-assertion": "off",
        // vitest takes a message beside the value.
        "vitest/valid-expect": ["error", { maxArgs: 2 }],
      },
    },
    {
      // The tools load these through their default export.
      files: ["*.config.ts", "lint/explicit-clock.ts"],
      rules: { "import/no-default-export": "off" },
    },
  ],
});
