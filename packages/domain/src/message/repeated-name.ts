/**
 * The first name that one object of a JSON document gives twice, of which a parser keeps only the
 * last; undefined when there is none. `text` must be JSON: only its names are looked for.
 */
export function repeatedName(text: string): string | undefined {
  const around: (Set<string> | null)[] = [];
  /** Of the innermost object; null in a list. */
  let names: Set<string> | null = null;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === "{" || character === "[") {
      around.push(names);
      names = character === "{" ? new Set() : null;
    } else if (character === "}" || character === "]") {
      names = around.pop() ?? null;
    } else if (character === '"') {
      const end = endOfString(text, at);
      if (names !== null && isName(text, end)) {
        const name = textOf(text.slice(at, end));
        if (names.has(name)) return name;
        names.add(name);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** Behind the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote === -1 ? text.length : quote + 1;
}

/** A character is escaped by an odd number of backslashes before it. */
function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text[first - 1] === "\\") first -= 1;
  return (at - first) % 2 === 1;
}

/** Whether the string that ends at `end` is a name: only names have a colon behind them. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (BLANKS.has(text[at] ?? "")) at += 1;
  return text[at] === ":";
}

const BLANKS: ReadonlySet<string> = new Set([" ", "\t", "\r", "\n"]);

/** A name has many spellings, `"a"` and `"\u0061"`. */
function textOf(literal: string): string {
  return literal.includes("\\") ? String(JSON.parse(literal)) : literal.slice(1, -1);
}
