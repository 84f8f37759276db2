import { expect, test } from "vitest";

import { withDatabase } from "./postgres.ts";

test.each([
  ["postgresql://u:p@host:5432/db", "postgresql://u:p@host:5432/new"],
  ["postgresql://u:p@host", "postgresql://u:p@host/new"],
  ["postgresql://u:p@host?sslmode=require", "postgresql://u:p@host/new?sslmode=require"],
  ["postgresql://u:p@/db?host=%2Fa%2Fb&port=1", "postgresql://u:p@/new?host=%2Fa%2Fb&port=1"],
])("%s keeps all but its database", (url, expected) => {
  expect(withDatabase(url, "new")).toBe(expected);
});
