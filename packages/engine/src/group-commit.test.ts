import { expect, test } from "vitest";

import { BufferFullError, GroupCommit } from "./group-commit.ts";

const LIMITS = {
  batchRows: 10,
  batchWeight: 100,
  waitingRows: 30,
  waitingWeight: 300,
  waitingMs: Number.POSITIVE_INFINITY,
  burstRows: 0,
};

/** A writer that notes its flushes and answers each item with itself. */
function open() {
  const flushes: (readonly string[])[] = [];
  const commit = new GroupCommit<string, string>((items) => {
    flushes.push(items);
    return Promise.resolve(items);
  }, LIMITS);
  return { commit, flushes };
}

test("what is submitted at once is one flush, and everyone gets the answer to its own", async () => {
  const { commit, flushes } = open();
  const answers = ["a", "b", "c"].map((item) => commit.submit(item, { rows: 1, weight: 1 }));
  await expect(Promise.all(answers)).resolves.toEqual(["a", "b", "c"]);
  expect(flushes).toEqual([["a", "b", "c"]]);
});

test("a flush takes no more rows and no more weight than it may, in the order of arrival", async () => {
  const { commit, flushes } = open();
  await Promise.all([
    commit.submit("6 rows", { rows: 6, weight: 1 }),
    commit.submit("4 rows", { rows: 4, weight: 1 }),
    commit.submit("1 row", { rows: 1, weight: 60 }),
    commit.submit("heavy", { rows: 1, weight: 60 }),
    commit.submit("larger than a flush", { rows: 12, weight: 1 }),
    commit.submit("last", { rows: 1, weight: 1 }),
  ]);
  expect(flushes).toEqual([
    ["6 rows", "4 rows"],
    ["1 row"],
    ["heavy"],
    ["larger than a flush"],
    ["last"],
  ]);
});

test.each([
  { rows: 29, weight: 1 },
  { rows: 1, weight: 299 },
])("what is too much to wait is refused: after %o", async (first) => {
  const { commit } = open();
  const waiting = commit.submit("first", first);
  const fits = commit.submit("fits", { rows: 1, weight: 1 });
  const refused = commit.submit("refused", { rows: 1, weight: 1 });
  await expect(refused).rejects.toThrow(BufferFullError);
  await expect(Promise.all([waiting, fits])).resolves.toEqual(["first", "fits"]);
});

test("more than a burst is refused when it would wait too long, as long as the last writes took", async () => {
  const commit = new GroupCommit<string, string>(
    async (items) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return items;
    },
    { ...LIMITS, waitingMs: 250, burstRows: 5 },
  );
  const one = { rows: 1, weight: 1 };
  // Nothing is known yet: all may wait.
  const unknown = Array.from({ length: 12 }, () => commit.submit("unknown", one));
  await Promise.all(unknown);
  // A row takes some milliseconds now, and twenty rows more than all may wait.
  await commit.submit("alone", one);
  const crowd = Array.from({ length: 30 }, () => commit.submit("crowd", one));
  const results = await Promise.allSettled(crowd);
  const accepted = results.filter(({ status }) => status === "fulfilled").length;
  expect(accepted).toBeGreaterThanOrEqual(5);
  expect(accepted).toBeLessThan(30);
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toBeInstanceOf(BufferFullError);
  }
});

test("when nothing waits, anything may", async () => {
  const { commit } = open();
  await expect(commit.submit("huge", { rows: 1000, weight: 1000 })).resolves.toBe("huge");
});

test("an item that the database refuses is found by halves, and fails alone", async () => {
  const refused = Object.assign(new Error("refused"), { code: "22P05" });
  const commit = new GroupCommit<string, string>(
    (items) => (items.includes("bad") ? Promise.reject(refused) : Promise.resolve(items)),
    LIMITS,
  );
  const results = await Promise.allSettled(
    ["a", "b", "bad", "c", "d"].map((item) => commit.submit(item, { rows: 1, weight: 1 })),
  );
  expect(results.map(({ status }) => status === "fulfilled")).toEqual([
    true,
    true,
    false,
    true,
    true,
  ]);
});
