import { mentionOfMethod, sdkMethods } from "../sdk-surface.ts";
import { mentionOfHeader, REQUEST_HEADERS } from "./request-headers.ts";
import { mentionOfRoute, nameOfRoute, protocolRoutes } from "./routes.ts";
import type { WrittenTest } from "./written-tests.ts";

/** Something that clients rely on, and the tests that name it: in their titles, or only in their text. */
export interface Evidence {
  readonly name: string;
  readonly titled: readonly WrittenTest[];
  readonly others: readonly WrittenTest[];
}

/** A section of the contract, `01 §5` or `07 Q8`, and the suites or tests that begin with it. */
export interface Section {
  readonly name: string;
  readonly suites: readonly Suite[];
}

interface Suite {
  /** Without the section. */
  readonly title: string;
  readonly test: WrittenTest;
}

const SECTIONS = /^(\d\d) ((?:§|Q)\d+(?:, (?:§|Q)\d+)*),? /;

export function evidenceOfMethods(tests: readonly WrittenTest[]): readonly Evidence[] {
  return sdkMethods().map((name) => evidence(name, mentionOfMethod(name), tests));
}

export function evidenceOfRoutes(tests: readonly WrittenTest[]): readonly Evidence[] {
  return protocolRoutes().map((route) =>
    evidence(nameOfRoute(route), mentionOfRoute(route), tests),
  );
}

export function evidenceOfHeaders(tests: readonly WrittenTest[]): readonly Evidence[] {
  return REQUEST_HEADERS.map((name) => evidence(name, mentionOfHeader(name), tests));
}

/** In the order of the contract. A suite is there once, however many tests it has. */
export function sections(tests: readonly WrittenTest[]): readonly Section[] {
  const found = new Map<string, Map<string, Suite>>();
  for (const test of tests) {
    for (const title of test.titles) {
      const [prefix = "", chapter = "", numbers = ""] = SECTIONS.exec(title) ?? [];
      for (const number of numbers === "" ? [] : numbers.split(", ")) {
        const section = `${chapter} ${number}`;
        const suites = found.get(section) ?? new Map<string, Suite>();
        const rest = title.slice(prefix.length);
        if (!suites.has(`${test.file} ${rest}`)) {
          suites.set(`${test.file} ${rest}`, { title: rest, test });
        }
        found.set(section, suites);
      }
    }
  }
  const order = new Intl.Collator("en", { numeric: true });
  return [...found]
    .map(([name, suites]) => ({ name, suites: [...suites.values()] }))
    .toSorted((a, b) => order.compare(a.name, b.name));
}

function evidence(name: string, mention: RegExp, tests: readonly WrittenTest[]): Evidence {
  const titled = tests.filter(({ titles }) => mention.test(titles.join(" ")));
  const others = tests.filter((test) => !titled.includes(test) && mention.test(test.text));
  return { name, titled, others };
}
