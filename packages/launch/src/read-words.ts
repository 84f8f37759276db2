import { parseArgs } from "node:util";

/** What the command line of a service that runs alone asks for. */
export type Words = { readonly kind: "run" | "help" } | { readonly kind: "wrong"; problem: string };

/** Settings come from the environment, so that there is nothing to say but `--help`. */
export function readWords(words: readonly string[]): Words {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: { help: { type: "boolean", short: "h" } },
    });
    return { kind: values.help === true ? "help" : "run" };
  } catch (error) {
    return { kind: "wrong", problem: error instanceof Error ? error.message : String(error) };
  }
}
