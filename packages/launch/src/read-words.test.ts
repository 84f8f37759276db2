import { expect, test } from "vitest";

import { readWords } from "./read-words.ts";

test.each([
  [[], "run"],
  [["--help"], "help"],
  [["-h"], "help"],
])("%j means %s", (words, kind) => {
  expect(readWords(words)).toEqual({ kind });
});

test.each([[["start"]], [["--port=1"]], [["-x"]], [["--help=1"]]])("%j is refused", (words) => {
  const read = readWords(words);
  expect(read.kind).toBe("wrong");
  expect(read).toHaveProperty("problem", expect.stringContaining(words[0]?.split("=")[0] ?? ""));
});
