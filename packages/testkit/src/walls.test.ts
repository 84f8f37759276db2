import { execFile } from "node:child_process";
import {
  cp,
  glob,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, matchesGlob } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineStages, walls } from "../../../lint/import-walls.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** A wall, a file with `*` for its name, and what is forbidden there. */
const forbiddenImports = [
  ["the api knows no dispatcher", "apps/api/src/*.ts", "@omnistore/dispatcher/service"],
  ["the dispatcher knows no api", "apps/dispatcher/src/*.ts", "@omnistore/api/service"],
  ["the scheduler knows no api", "apps/scheduler/src/*.ts", "@omnistore/api/service"],
  ["the command has wires by the apps only", "apps/omnistore/src/*.ts", "@omnistore/wire-qstash"],
  ["a wire knows no database", "packages/wire-qstash/src/*.ts", "@omnistore/db/client"],
  ["a wire knows no engine", "packages/wire-qstash/src/*.ts", "@omnistore/engine/operations"],
  ["a wire knows no runtime", "packages/wire-qstash/src/*.ts", "@omnistore/runtime/config"],
  ["a wire knows no app", "packages/wire-qstash/src/*.ts", "@omnistore/api/service"],
  ["a wire builds no SQL", "packages/wire-qstash/src/*.ts", "drizzle-orm/pg-core"],
  ["a wire sends no SQL", "packages/wire-qstash/src/*.ts", "pg"],
  ["a new wire has the same walls", "packages/wire-new/src/*.ts", "@omnistore/db/client"],
  ["the engine knows no wire", "packages/engine/src/*.ts", "@omnistore/wire-qstash"],
  ["the engine knows no runtime", "packages/engine/src/*.ts", "@omnistore/runtime/logger"],
  ["the engine knows no app", "packages/engine/src/*.ts", "@omnistore/dispatcher/service"],
  ["the engine serves no HTTP", "packages/engine/src/*.ts", "hono"],
  ["a stage has the engine's walls", "packages/engine/src/claim/*.ts", "@omnistore/wire-qstash"],
  ["claim calls no publish", "packages/engine/src/claim/*.ts", "../publish/publish.ts"],
  ["record calls no deliver", "packages/engine/src/record/*.ts", "../deliver/deliver.ts"],
  ["publish calls no claim", "packages/engine/src/publish/*.ts", "../claim/claim.ts"],
  ["schedule has store by publish only", "packages/engine/src/schedule/*.ts", "../store/store.ts"],
  ["the database knows no engine", "packages/db/src/*.ts", "@omnistore/engine/operations"],
  ["what launches knows no app", "packages/launch/src/*.ts", "@omnistore/api/service"],
  ["what launches knows no wire", "packages/launch/src/*.ts", "@omnistore/wire-qstash"],
  ["the runtime knows none of ours", "packages/runtime/src/*.ts", "@omnistore/domain/operations"],
  ["the domain knows none of ours", "packages/domain/src/*.ts", "@omnistore/db/client"],
  ["a package imports itself by path", "packages/db/src/*.ts", "@omnistore/db/client"],
  ["a package without a row has none", "packages/new/src/*.ts", "@omnistore/domain/operations"],
  ["only tests import the testkit", "apps/api/src/*.ts", "@omnistore/testkit/postgres"],
  ["tests keep the walls", "packages/wire-qstash/src/*.test.ts", "@omnistore/db/client"],
  ["packages meet by name, not by path", "packages/engine/src/*.ts", "../../db/src/client.ts"],
  ["tests meet packages by name too", "packages/engine/src/*.test.ts", "../../db/src/client.ts"],
  ["no import hides the environment", "packages/engine/src/*.ts", "node:process"],
] as const;

/** A wall, a file, the rule that guards it, and code that breaks it. */
const forbiddenCode = [
  ["services read no environment", "apps/api/src/*.ts", "no-process-env", "process.env.PORT;"],
  ["the engine reads none", "packages/engine/src/*.ts", "no-process-env", "process.env.PORT;"],
  [
    "the domain uses no node module",
    "packages/domain/src/*.ts",
    "no-nodejs-modules",
    imports("fs"),
  ],
  [
    "the domain reads no clock",
    "packages/domain/src/*.ts",
    "no-restricted-properties",
    "Date.now();",
  ],
  [
    "the domain rolls no dice",
    "packages/domain/src/*.ts",
    "no-restricted-properties",
    "Math.random();",
  ],
  ["the domain makes no date of now", "packages/domain/src/*.ts", "explicit-clock", "new Date();"],
  ["the domain prints no date of now", "packages/domain/src/*.ts", "explicit-clock", "Date();"],
  [
    "the domain sets no timer",
    "packages/domain/src/*.ts",
    "no-restricted-globals",
    "setTimeout(f);",
  ],
  ["the domain waits for nothing", "packages/domain/src/*.ts", "no-async-await", "async () => {};"],
  [
    "types count in a cycle",
    "packages/db/src/knot.ts",
    "no-cycle",
    'import type { B } from "./tie.ts";\nexport type A = B[];',
  ],
  [
    "and at its other end",
    "packages/db/src/tie.ts",
    "no-cycle",
    'import type { A } from "./knot.ts";\nexport type B = A[];',
  ],
  ["exports have names", "packages/db/src/*.ts", "no-default-export", "export default 1;"],
  ["services log through the logger", "apps/api/src/*.ts", "no-console", "console.log(1);"],
  ["no promise floats", "packages/db/src/*.ts", "no-floating-promises", "Promise.resolve(1);"],
  ["a file has one idea", "packages/db/src/*.ts", "max-lines", "// line\n".repeat(401)],
] as const;

/** What a wall lets through, so that a rule that refuses everything is noticed too. */
const allowed = [
  ["apps/omnistore/src/*.ts", imports("@omnistore/api/service")],
  ["apps/omnistore/src/main.ts", "console.log(process.env.PORT);"],
  ["apps/omnistore/test/*.e2e.test.ts", imports("@omnistore/wire-qstash")],
  ["apps/api/src/*.ts", imports("@omnistore/wire-qstash")],
  ["apps/dispatcher/src/*.ts", imports("@omnistore/engine/operations")],
  ["apps/scheduler/src/*.ts", imports("@omnistore/runtime/service")],
  ["packages/wire-qstash/src/*.ts", imports("@omnistore/domain/operations")],
  ["packages/wire-qstash/src/*.test.ts", imports("@omnistore/testkit/receiver")],
  ["packages/engine/src/*.ts", imports("@omnistore/db/client")],
  ["packages/engine/src/*.ts", imports("./claim/claim.ts")],
  ["packages/engine/src/publish/*.ts", imports("../store/store.ts")],
  ["packages/engine/src/schedule/*.ts", imports("../publish/publish.ts")],
  ["packages/engine/src/dead-letter/*.ts", imports("../publish/publish.ts")],
  ["packages/engine/src/claim/*.ts", imports("../events.ts")],
  ["packages/engine/src/claim/*.test.ts", imports("../publish/publish.ts")],
  ["packages/runtime/src/config.ts", "export const port = process.env.PORT;"],
  ["packages/domain/src/*.ts", "export const at = (ms: number) => new Date(ms);"],
  ["packages/domain/src/*.test.ts", imports("node:fs")],
  ["packages/testkit/src/*.ts", imports("@omnistore/engine/operations")],
] as const;

const planted = {
  violations: [
    ...forbiddenImports.map(([wall, file, from], index) => ({
      wall,
      file: file.replace("*", `import-${index}`),
      rule: "no-restricted-imports",
      source: imports(from),
    })),
    ...forbiddenCode.map(([wall, file, rule, source], index) => ({
      wall,
      file: file.replace("*", `code-${index}`),
      rule,
      source,
    })),
  ],
  allowed: allowed.map(([file, source], index) => ({
    file: file.replace("*", `allowed-${index}`),
    source,
  })),
};

function imports(from: string): string {
  return `export { thing } from "${from}";`;
}

describe("walls", () => {
  let copy: string;
  let found: Map<string, string[]>;

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), "omnistore-walls-"));
    await symlink(join(root, "node_modules"), join(copy, "node_modules"), "dir");
    for (const path of ["oxlint.config.ts", "tsconfig.json", "lint"]) {
      await cp(join(root, path), join(copy, path), { recursive: true });
    }
    for (const { file, source } of [...planted.violations, ...planted.allowed])
      await plant(copy, file, source);
    found = await lint(copy);
    // The linter takes a while beside the other checks.
  }, 60_000);

  afterAll(() => rm(copy, { recursive: true, force: true }));

  it.each(planted.violations)("$wall", ({ file, rule }) => {
    expect(found.get(file) ?? []).toContain(rule);
  });

  it.each(planted.allowed)("$file may do what it does", ({ file }) => {
    expect(found.get(file) ?? []).toEqual([]);
  });

  it("has a row for every package, and none depends on more than its row allows", async () => {
    for await (const manifest of glob("{apps,packages}/*/package.json", { cwd: root })) {
      const { dependencies = {} } = JSON.parse(await readFile(join(root, manifest), "utf8"));
      const ours = Object.keys(dependencies).filter((name) => name.startsWith("@omnistore/"));
      const row =
        Object.keys(walls).find((folder) => matches(dirname(manifest), [folder])) ?? "none";
      expect(walls, manifest).toHaveProperty([row]);
      const names = (walls[row] ?? []).map((name) => `@omnistore/${name}`);
      expect(ours.filter((name) => !matches(name, names))).toEqual([]);
    }
  });

  it("has a row for every stage of the engine", async () => {
    const entries = await readdir(join(root, "packages/engine/src"), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    expect(folders.filter((folder) => !(folder in engineStages))).toEqual([]);
  });

  it("keeps the names of the QStash wire inside wire-qstash", async () => {
    expect(await filesNamingTheWire(root)).toEqual([]);
  });

  it("notices a wire name outside wire-qstash", async () => {
    await plant(copy, "packages/engine/src/leak.ts", 'export const header = "Upstash-Delay";\n');
    await plant(
      copy,
      "packages/wire-qstash/src/own.ts",
      'export const header = "Upstash-Delay";\n',
    );
    expect(await filesNamingTheWire(copy)).toEqual(["packages/engine/src/leak.ts"]);
  });
});

/** Whether a name is in a list whose entries may hold `*`. */
function matches(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matchesGlob(name, pattern));
}

async function plant(folder: string, file: string, source: string): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), source);
}

/** Runs oxlint once over a folder: the rules broken, by file. */
async function lint(folder: string): Promise<Map<string, string[]>> {
  const oxlint = join(root, "node_modules/oxlint/bin/oxlint");
  // A red lint exits with 1, which is what we came for: read the report whatever the exit code.
  const report = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [oxlint, "--format", "json", "apps", "packages"],
      { cwd: folder, maxBuffer: 2 ** 26 },
      (_error, stdout) => resolve(stdout),
    );
  });
  const { diagnostics }: { diagnostics: { filename: string; code: string }[] } = JSON.parse(report);
  const rules = new Map<string, string[]>();
  for (const { filename, code } of diagnostics) {
    const rule = code.replace(/^.*\((.+)\)$/, "$1");
    rules.set(filename, [...(rules.get(filename) ?? []), rule]);
  }
  return rules;
}

/** Source files that spell a header of the QStash wire, other than its owner and those that play its clients. */
async function filesNamingTheWire(folder: string): Promise<string[]> {
  const owned = /^packages\/(wire-qstash|testkit|bench)\/|\.test\.ts$/;
  const leaks: string[] = [];
  for await (const file of glob("{apps,packages}/*/src/**/*.ts", { cwd: folder })) {
    if (owned.test(file)) continue;
    const text = await readFile(join(folder, file), "utf8");
    if (/upstash-/i.test(text)) leaks.push(file);
  }
  return leaks;
}
