import { expect, test } from "vitest";

import { freshRandom } from "./fresh-random.ts";

test("no bytes are given out twice, also when the pool is filled again", () => {
  const given = Array.from({ length: 5_000 }, () => freshRandom(8));
  const texts = new Set(given.map((bytes) => Buffer.from(bytes).toString("hex")));
  expect(texts.size).toBe(5_000);
  expect(given.every(({ length }) => length === 8)).toBe(true);
});
