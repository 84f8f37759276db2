import {
  evidenceOfHeaders,
  evidenceOfMethods,
  evidenceOfRoutes,
  sections,
  type Evidence,
  type Section,
} from "./evidence.ts";
import type { WrittenTest } from "./written-tests.ts";

/** When no test has it in its title, so many that have it in their text: enough to go and look. */
const SHOWN = 3;

const CHAPTERS: Readonly<Record<string, string>> = {
  "00": "Addresses, tokens, errors, configuration",
  "01": "Publishing",
  "02": "Delivery, retries, callbacks, signature",
  "03": "Resources",
  "04": "Workflows",
  "05": "What the SDKs send and read",
  "06": "Limits and plans",
  "07": "Choices where the references leave a question open",
};

/** `docs/compatibility.md`: what clients may rely on, each with tests that hold it. */
export function renderCompatibilityDoc(tests: readonly WrittenTest[]): string {
  return `# Compatibility

<!-- Written by apps/omnistore/test/compatibility/write-compatibility-doc.ts. Change the tests instead. -->

What clients of the QStash v2 protocol find in OmniStore, and the tests that hold it. The methods are those of the
installed \`@upstash/qstash\`, found by walking its objects; the routes are those of the running app. The tests of a row
are those with the method, route or header in their title, else some that use it. A row without a test, and a page
that is not what the tests say today, fail the check; \`npx --yes pnpm@12.21.0 run docs\` writes it anew.

## Methods of the official SDK

${table("Method", evidenceOfMethods(tests))}

## Request headers

Each of them also works as a query parameter in lower case, and as a header of a batch item.

${table("Header", evidenceOfHeaders(tests))}

## Routes

${table("Route", evidenceOfRoutes(tests))}

## The contract, section by section

The names of tests begin with the section or the open question of the wire contract that they hold.

${chapters(sections(tests))}
`;
}

function table(what: string, rows: readonly Evidence[]): string {
  const lines = rows.map(({ name, titled, others }) => {
    const shown = titled.length > 0 ? titled : others.slice(0, SHOWN);
    return `| \`${name}\` | ${shown.map(linkTo).join("<br>")} |`;
  });
  return [`| ${what} | Tests |`, "| --- | --- |", ...lines].join("\n");
}

function chapters(all: readonly Section[]): string {
  const byChapter = Object.groupBy(all, ({ name }) => name.slice(0, 2));
  return Object.entries(byChapter)
    .map(([number, own = []]) => `### ${number} ${CHAPTERS[number] ?? ""}\n\n${list(own)}`)
    .join("\n\n");
}

function list(own: readonly Section[]): string {
  return own
    .map(({ name, suites }) => {
      const links = suites.map(({ title, test }) => `  - ${link(title, test)}`);
      return [`- ${name.slice(3)}`, ...links].join("\n");
    })
    .join("\n");
}

function linkTo(test: WrittenTest): string {
  return link(test.titles.join(" › "), test);
}

function link(text: string, { file }: WrittenTest): string {
  const name = file.slice(file.lastIndexOf("/") + 1);
  return `${escape(text)} ([${name}](../${file}))`;
}

/** So that Markdown shows a title as it is. */
function escape(title: string): string {
  return title.replaceAll(/[\\`*_[\]<>|]/g, String.raw`\$&`);
}
