import type { OxlintOverride } from "oxlint";

/** Files that may reach past a wall to set up the world they test. */
export const testFiles = ["**/*.test.ts", "**/test/**"];

/**
 * Who may import which of our packages. A folder without a row may import none of them, itself
 * included: inside a package, imports are relative. `*` at the end stands for any ending.
 */
export const walls: Record<string, readonly string[]> = {
  "apps/omnistore": [
    "api",
    "dispatcher",
    "scheduler",
    "launch",
    "engine",
    "db",
    "runtime",
    "domain",
  ],
  "apps/api": ["wire-*", "launch", "engine", "db", "runtime", "domain"],
  "apps/dispatcher": ["wire-*", "launch", "engine", "db", "runtime", "domain"],
  "apps/scheduler": ["wire-*", "launch", "engine", "db", "runtime", "domain"],
  "packages/launch": ["engine", "db", "runtime"],
  "packages/wire-*": ["domain"],
  "packages/engine": ["db", "domain"],
  "packages/db": ["domain"],
  "packages/runtime": [],
  "packages/domain": [],
  "packages/testkit": ["*"],
  "packages/bench": ["*"],
};

/** Libraries that betray work done in the wrong room. */
const foreignLibraries: Record<string, readonly string[]> = {
  "packages/wire-*": ["drizzle-orm", "pg", "pg-boss", "undici"],
  "packages/engine": ["hono", "@hono/node-server", "zod"],
  "packages/domain": ["drizzle-orm", "pg", "hono", "undici", "zod"],
};

/** The stages a message passes in the engine, and the few that call another one. */
export const engineStages: Record<string, readonly string[]> = {
  publish: ["store"],
  store: [],
  claim: [],
  cancel: [],
  gate: [],
  park: [],
  deliver: [],
  record: ["publish"],
  rescue: [],
  "dead-letter": ["publish"],
  schedule: ["publish", "topic"],
  topic: [],
  wake: [],
  lease: [],
  history: [],
  tenant: [],
  usage: [],
  audit: [],
  partitions: [],
};

type Pattern = { regex?: string; group?: string[]; message: string };

const always: readonly Pattern[] = [
  {
    regex: String.raw`^(\.\./)+.+/(src|test)/`,
    message: "Import another package by its name, so that its exports and the walls apply.",
  },
  {
    regex: "^(node:)?process$",
    message: "Use the global `process`: the rule that guards `process.env` cannot see an import.",
  },
];

/** The overrides that enforce the tables above. A later override replaces an earlier one whole. */
export function importWalls(): OxlintOverride[] {
  return [
    override(["apps/*/**", "packages/*/**"], [onlyOurs([])]),
    ...Object.entries(walls).flatMap(([folder, allowed]) => [
      override([`${folder}/**`], [onlyOurs(allowed), ...libraries(folder)], testFiles),
      override(
        testFiles.map((glob) => `${folder}/${glob}`),
        [onlyOurs([...allowed, "testkit"])],
      ),
    ]),
    ...Object.entries(engineStages).map(([stage, allowed]) =>
      override(
        [`packages/engine/src/${stage}/**`],
        [
          onlyOurs(walls["packages/engine"] ?? []),
          ...libraries("packages/engine"),
          otherStages(stage, allowed),
        ],
        testFiles,
      ),
    ),
    // End-to-end tests play the stranger, the operator and the failing machine at once.
    override(["apps/omnistore/test/**"], [onlyOurs(["*"])]),
  ];
}

function override(
  files: string[],
  patterns: Pattern[],
  excludeFiles: string[] = [],
): OxlintOverride {
  return {
    files,
    excludeFiles,
    rules: { "no-restricted-imports": ["error", { patterns: [...always, ...patterns] }] },
  };
}

function onlyOurs(allowed: readonly string[]): Pattern {
  const exceptions = allowed.flatMap((name) => [`!@omnistore/${name}`, `!@omnistore/${name}/**`]);
  return {
    group: ["@omnistore/*", "@omnistore/*/**", ...exceptions],
    message: `Here only ${allowed.join(", ") || "none"} of our packages may be imported (ARCHITECTURE.md, walls).`,
  };
}

function libraries(folder: string): Pattern[] {
  const names = foreignLibraries[folder] ?? [];
  if (names.length === 0) return [];
  return [
    { regex: `^(${names.join("|")})(/|$)`, message: "This library belongs to another package." },
  ];
}

function otherStages(stage: string, allowed: readonly string[]): Pattern {
  const others = Object.keys(engineStages).filter(
    (name) => name !== stage && !allowed.includes(name),
  );
  return {
    regex: String.raw`^(\.\./)+(${others.join("|")})/`,
    message: "Stages do not call each other: let a file in packages/engine/src pass the values.",
  };
}
