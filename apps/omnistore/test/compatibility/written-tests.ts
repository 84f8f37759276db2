import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { parseSync, Visitor, type CallExpression, type Expression } from "oxc-parser";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const TEST_FILES = "{apps,packages}/*/{src,test}/**/*.test.ts";

/** A test as it is written. What a loop makes of it counts as one, under the title in the source. */
export interface WrittenTest {
  /** From the root of the repository. */
  readonly file: string;
  readonly line: number;
  /** Titles of the suites around it, outermost first, and its own. */
  readonly titles: readonly string[];
  /** The source of the test itself. */
  readonly text: string;
}

/** Every test of the repository, in the order of files and lines. Nothing is run. */
export function readAllTests(): readonly WrittenTest[] {
  const files = globSync(TEST_FILES, { cwd: root, exclude: ["**/node_modules/**"] });
  return files
    .toSorted()
    .flatMap((file) => readTests(file, readFileSync(join(root, file), "utf8")));
}

/** The tests of one file. Throws when the file is not TypeScript. */
export function readTests(file: string, source: string): readonly WrittenTest[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const tests: WrittenTest[] = [];
  const suites: string[] = [];
  new Visitor({
    CallExpression(call) {
      const kind = kindOf(call);
      if (kind === "suite") suites.push(titleOf(call, source));
      if (kind !== "test") return;
      tests.push({
        file,
        line: source.slice(0, call.start).split("\n").length,
        titles: [...suites, titleOf(call, source)],
        text: source.slice(call.start, call.end),
      });
    },
    "CallExpression:exit"(call) {
      if (kindOf(call) === "suite") suites.pop();
    },
  }).visit(program);
  return tests;
}

/** `test("…")`, `describe("…")`, or `it.each(table)("…")`, in which the outer call bears the title. */
function kindOf({ callee, arguments: given }: CallExpression): "suite" | "test" | null {
  if (given.length < 2) return null;
  const name = rootName(callee);
  if (name === "describe") return "suite";
  return name === "test" || name === "it" ? "test" : null;
}

function rootName(callee: Expression): string | null {
  if (callee.type === "Identifier") return callee.name;
  if (callee.type === "MemberExpression") return rootName(callee.object);
  return callee.type === "CallExpression" ? rootName(callee.callee) : null;
}

/** A title that is put together shows its source: `${method} is refused`. */
function titleOf({ arguments: [title] }: CallExpression, source: string): string {
  if (title === undefined) return "";
  if (title.type === "Literal") return String(title.value);
  const text = source.slice(title.start, title.end);
  return title.type === "TemplateLiteral" ? text.slice(1, -1) : text;
}
