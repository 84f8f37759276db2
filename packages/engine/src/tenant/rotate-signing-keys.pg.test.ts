import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createTenant } from "./create-tenant.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

test("03 §7 the announced key becomes the current one, and a new one is announced", async () => {
  const { id, signingKeys } = await createTenant(engine.core, "rotates");
  const rotated = await engine.core.signingKeys.rotate(id);
  expect(rotated.current).toBe(signingKeys.next);
  expect(rotated.next).toMatch(/^sig_[0-9a-f]{28}$/);
  expect(new Set([signingKeys.current, rotated.current, rotated.next]).size).toBe(3);
  await expect(engine.core.signingKeys.read(id)).resolves.toEqual(rotated);
});

test("03 §7 rotations at once follow each other: no announced key is lost", async () => {
  const { id, signingKeys } = await createTenant(engine.core, "rotates a lot");
  const rotations = await Promise.all(
    Array.from({ length: 6 }, () => engine.core.signingKeys.rotate(id)),
  );
  const nextOf = new Map(rotations.map(({ current, next }) => [current, next]));
  expect(nextOf.size).toBe(rotations.length);
  let last = signingKeys.next;
  for (let step = 0; step < rotations.length; step += 1) last = nextOf.get(last) ?? "broken chain";
  expect((await engine.core.signingKeys.read(id)).next).toBe(last);
});

test("a tenant that is not there has no keys to rotate", async () => {
  await expect(engine.core.signingKeys.rotate(engine.tenantId)).rejects.toThrow("has no data key");
});
