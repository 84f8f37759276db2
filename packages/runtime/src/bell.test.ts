import { expect, test, vi } from "vitest";

import { Bell } from "./bell.ts";

test("a loop that need not wait leaves their turn to others", async () => {
  const bell = new Bell();
  const others = vi.fn<() => void>();
  setImmediate(others);
  for (let turns = 0; turns < 10; turns += 1) await bell.wait(0);
  expect(others).toHaveBeenCalledOnce();
});

test("a ring while nobody waits ends the next wait, and no other", async () => {
  const bell = new Bell();
  bell.ring();
  const began = performance.now();
  await bell.wait(10_000);
  expect(performance.now() - began).toBeLessThan(1_000);
  const ended = bell.wait(30).then(() => "in time");
  expect(await Promise.race([ended, new Promise((r) => setTimeout(r, 5))])).toBeUndefined();
  expect(await ended).toBe("in time");
});
