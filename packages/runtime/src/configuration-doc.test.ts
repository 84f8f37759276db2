import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { renderConfigurationDoc } from "./configuration-doc.ts";

test("docs/configuration.md is what write-configuration-doc.ts writes today", () => {
  const written = readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8");
  expect(written).toBe(renderConfigurationDoc());
});
