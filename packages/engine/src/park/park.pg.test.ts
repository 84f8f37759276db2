import { randomUUID } from "node:crypto";

import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterEach, beforeEach, expect, test } from "vitest";

import { claimDeliveries } from "../claim/claim-deliveries.sql.ts";
import { parkDeliveries } from "./park-deliveries.sql.ts";
import { releaseParked } from "./release-parked.sql.ts";

let engine: TestEngine;
let owner: string;
beforeEach(async () => {
  engine = await startEngine();
  owner = await engine.dispatcher();
});
afterEach(() => engine.stop());

const claim = () => claimDeliveries(engine.core.pool, owner, 100);

test("what is parked is claimed by nobody until it is released, first come first", async () => {
  const stored = [await engine.store(), await engine.store(), await engine.store()];
  await parkDeliveries(engine.core.pool, (await claim()).leased);
  await expect(claim()).resolves.toMatchObject({ leased: [], hasParked: true });
  await expect(releaseParked(engine.core.pool, { saturated: [], limit: 2 })).resolves.toBe(2);
  const again = await claim();
  expect(again.leased.map(({ messageId }) => messageId).toSorted()).toEqual(
    stored.slice(0, 2).map(({ id }) => id),
  );
  expect(again.hasParked).toBe(true);
  await expect(releaseParked(engine.core.pool, { saturated: [], limit: 2 })).resolves.toBe(1);
  await expect(claim()).resolves.toMatchObject({ hasParked: false });
});

test("saturated tenants wait on; every other one gets as many as allowed", async () => {
  const others = [randomUUID(), randomUUID(), randomUUID()];
  for (const tenantId of others) {
    await engine.store({ tenantId });
    await engine.store({ tenantId });
  }
  await parkDeliveries(engine.core.pool, (await claim()).leased);
  await expect(
    releaseParked(engine.core.pool, { saturated: others.slice(1, 2), limit: 1 }),
  ).resolves.toBe(2);
  const tenants = (await claim()).leased.map(({ tenantId }) => tenantId);
  expect(new Set(tenants)).toEqual(new Set([others[0], others[2]]));
});

test("a tenant with a slow host gets fewer of its own back, and the others all of theirs", async () => {
  const [slow, quick] = [randomUUID(), randomUUID()];
  for (const tenantId of [slow, slow, slow, quick, quick, quick]) await engine.store({ tenantId });
  await parkDeliveries(engine.core.pool, (await claim()).leased);
  const release = { saturated: [], limit: 3, fewer: new Map([[slow, 1]]) };
  await expect(releaseParked(engine.core.pool, release)).resolves.toBe(4);
  const tenants = (await claim()).leased.map(({ tenantId }) => tenantId);
  expect(tenants.filter((tenantId) => tenantId === slow)).toHaveLength(1);
});

test("a lease that was lost meanwhile is not parked", async () => {
  const { id } = await engine.store();
  const { leased } = await claim();
  const other = await engine.dispatcher();
  await engine.core.pool.query("UPDATE deliveries SET owner = $1", [other]);
  await parkDeliveries(engine.core.pool, leased);
  expect(await engine.delivery(id)).toMatchObject({ owner: other, gate: null });
});
