import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterEach, beforeEach, expect, test } from "vitest";

import { claimDeliveries } from "../claim/claim-deliveries.sql.ts";
import { beat } from "../lease/heartbeat.sql.ts";
import { handBack } from "./hand-back.sql.ts";
import { releaseForgotten } from "./release-forgotten.sql.ts";
import { rescueExpired } from "./rescue-expired.sql.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

function age(owner: string, seconds: number) {
  return engine.core.pool.query(
    "UPDATE dispatchers SET heartbeat_at = now() - $2 * interval '1 s' WHERE id = $1",
    [owner, seconds],
  );
}

test("a lease that ran out is given back; one whose heart beats is not", async () => {
  const [dead, alive] = [await engine.dispatcher(), await engine.dispatcher()];
  const lost = await engine.store();
  await claimDeliveries(engine.core.pool, dead, 1);
  const kept = await engine.store();
  await claimDeliveries(engine.core.pool, alive, 1);
  await age(dead, 11);
  await age(alive, 9);

  await expect(rescueExpired(engine.core.pool, 10_000)).resolves.toBe(1);
  expect(await engine.delivery(lost.id)).toMatchObject({ owner: null, leased_at: null });
  expect(await engine.delivery(kept.id)).toMatchObject({ owner: alive });
  await expect(beat(engine.core.pool, dead)).resolves.toBeNull();
  await expect(beat(engine.core.pool, alive)).resolves.toMatchObject({ count: 1 });
});

test("a message stored for a dispatcher that was already declared dead is found", async () => {
  const owner = await engine.dispatcher();
  await age(owner, 60);
  await rescueExpired(engine.core.pool, 10_000);
  const message = await engine.store({}, { owner });
  expect(await engine.delivery(message.id)).toMatchObject({ owner });
  await expect(rescueExpired(engine.core.pool, 10_000)).resolves.toBe(1);
  expect(await engine.delivery(message.id)).toMatchObject({ owner: null });
});

test("a living dispatcher hands back what it leased and does not know of", async () => {
  const owner = await engine.dispatcher();
  const [known, forgotten] = [await engine.store(), await engine.store()];
  await claimDeliveries(engine.core.pool, owner, 2);
  const held = new Set([known.id]);
  await expect(releaseForgotten(engine.core.pool, owner, held, 60_000)).resolves.toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(releaseForgotten(engine.core.pool, owner, held, 10)).resolves.toBe(1);
  expect(await engine.delivery(known.id)).toMatchObject({ owner });
  expect(await engine.delivery(forgotten.id)).toMatchObject({ owner: null });
});

test("what a stopping dispatcher hands back is ready at the head of the order", async () => {
  const owner = await engine.dispatcher();
  const message = await engine.store();
  const { leased } = await claimDeliveries(engine.core.pool, owner, 1);
  await engine.store();
  await handBack(engine.core.pool, leased);
  const again = await claimDeliveries(engine.core.pool, await engine.dispatcher(), 1);
  expect(again.leased.map(({ messageId }) => messageId)).toEqual([message.id]);
});
