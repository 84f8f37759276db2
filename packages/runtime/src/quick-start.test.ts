import { expect, test } from "vitest";

import { resolveInside } from "./quick-start.ts";

const DRIZZLE = "file:///app/node_modules/drizzle-orm/pg-core/index.js";
const elsewhere = { url: "file:///elsewhere.js" };

function resolve(specifier: string, parentURL: string | undefined) {
  const context = { conditions: [], importAttributes: {}, parentURL };
  return resolveInside(specifier, context, () => elsewhere);
}

test("files of the long package find each other by their paths", () => {
  expect(resolve("../entity.js", DRIZZLE)).toEqual({
    url: "file:///app/node_modules/drizzle-orm/entity.js",
    format: "module",
    shortCircuit: true,
  });
});

test.each([
  ["pg", DRIZZLE],
  ["drizzle-orm/sql", DRIZZLE],
  ["./data.json", DRIZZLE],
  ["./a.js", "file:///app/node_modules/hono/index.js"],
  ["./a.js", undefined],
])("%s, named by %s, is Node's business", (specifier, parent) => {
  expect(resolve(specifier, parent)).toBe(elsewhere);
});
