import { expect, test } from "vitest";

import { alternate, divide } from "./alternate.ts";

test("contenders take turns, and the first round is not counted", async () => {
  const order: string[] = [];
  let calls = 0;
  const measure = (name: string) => () => {
    order.push(name);
    return Promise.resolve((calls += 1));
  };
  const figures = await alternate(2, { a: measure("a"), b: measure("b") }, () => {});
  expect(order).toEqual(["a", "b", "a", "b", "a", "b"]);
  expect(figures).toEqual({ a: [3, 5], b: [4, 6] });
});

test("no more rounds are counted when more of them warm up", async () => {
  let calls = 0;
  const figures = await alternate(2, { a: () => Promise.resolve((calls += 1)) }, () => {}, 3);
  expect(figures).toEqual({ a: [4, 5] });
});

test("a contender that is not there takes no part", async () => {
  const figures = await alternate(1, { a: () => Promise.resolve(1), b: undefined }, () => {});
  expect(figures).toEqual({ a: [1], b: [] });
});

test("ratios are of the same round", () => {
  expect(divide([1, 9], [2, 3])).toEqual([0.5, 3]);
});
