import { expect, test } from "vitest";

import { createProgress } from "./progress.ts";

async function written(
  act: (progress: ReturnType<typeof createProgress>) => Promise<unknown>,
): Promise<string> {
  let text = "";
  await act(createProgress((part) => (text += part))).catch(() => {});
  return text.replace(/\d+\.\d s/g, "T");
}

test("a step is one line with the time it took", async () => {
  expect(await written((progress) => progress.step("Working", async () => {}))).toBe(
    "Working … T\n",
  );
});

test("notes within a step stand on lines of their own", async () => {
  const text = await written((progress) =>
    progress.step("Working", async () => progress.note("moved")),
  );
  expect(text).toBe("Working …\n  moved\n  T\n");
});

test("a step that fails ends its line", async () => {
  expect(
    await written((progress) => progress.step("Working", () => Promise.reject(new Error("no")))),
  ).toBe("Working …\n");
});
