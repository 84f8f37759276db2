import { glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));

const guides = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"];
const documents = [...guides, "{docs,packages/*}/*.md"];

describe("the guides", () => {
  it("name no file that is gone", async () => {
    const missing: string[] = [];
    for (const document of await existing(documents)) {
      const text = await readFile(join(root, document), "utf8");
      const paths = await missingPaths(text, dirname(document));
      missing.push(...paths.map((path) => `${document}: ${path}`));
    }
    expect(missing).toEqual([]);
  });

  it("are all there", async () => {
    expect(await existing(documents)).toEqual(expect.arrayContaining(guides));
  });

  it("are caught naming a missing file, folder, setting or argument of a command", async () => {
    const text = [
      "See `packages/domain/src/gone.ts`, `apps/gone/`, `gone.config.ts` and `migrations/*.gone`.",
      "Run `vitest run packages/gone/src/a.test.ts`. A package's own file: `src/gone.ts`.",
    ].join("\n");
    expect(await missingPaths(text, "packages/domain")).toEqual([
      "packages/domain/src/gone.ts",
      "apps/gone/",
      "gone.config.ts",
      "migrations/*.gone",
      "packages/gone/src/a.test.ts",
      "src/gone.ts",
    ]);
  });

  it("may name what is there, and what is no path", async () => {
    const text = [
      "`packages/domain/src/operations.ts`, `packages/*/src/`, `package.json`, `src/operations.ts`,",
      "`message/message.ts`, `/v2/publish`, `application/json`, `packages/<name>/src`, `a / b`",
      "```",
      "`packages/gone.ts` in a block is sample text",
      "```",
    ].join("\n");
    expect(await missingPaths(text, "packages/domain")).toEqual([]);
  });
});

/** The paths a Markdown text names in backticks that lead nowhere from the root, its folder or `src`. */
async function missingPaths(text: string, folder: string): Promise<string[]> {
  const prose = text.replaceAll(/^```.*?^```/gms, "");
  const words = [...prose.matchAll(/`([^`\n]+)`/g)].flatMap(([, span = ""]) => span.split(/\s+/));
  const missing: string[] = [];
  for (const path of new Set(words.filter(looksLikePath))) {
    const places = [path, join(folder, path), join(folder, "src", path)];
    if ((await existing(places)).length === 0) missing.push(path);
  }
  return missing;
}

function looksLikePath(word: string): boolean {
  if (!/^[\w.*-]+(\/[\w.*-]+)*\/?$/.test(word)) return false;
  const inKnownFolder = /^(apps|packages|docs|migrations|lint|infra|scripts|\.ci)\//.test(word);
  const inSomeFolder = /\/.*\.(ts|md|sql|json|yaml)$/.test(word);
  const atTheRoot = /^[\w-]+(\.md|\.json|\.yaml|\.config\.ts)$/.test(word);
  return inKnownFolder || inSomeFolder || atTheRoot;
}

/** Files and folders of the repository that match any of these patterns. */
function existing(patterns: string[]): Promise<string[]> {
  return collect(glob(patterns, { cwd: root, exclude: ["**/node_modules/**"] }));
}

async function collect(paths: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const path of paths) all.push(path);
  return all;
}
