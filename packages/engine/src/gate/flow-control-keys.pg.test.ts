import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterEach, beforeEach, expect, test } from "vitest";

import {
  getFlowControlKey,
  pauseFlowControl,
  resetFlowControlRate,
  resumeFlowControl,
  unpinFlowControl,
} from "./flow-control-keys.sql.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

const key = () => getFlowControlKey(engine.core.pool, engine.tenantId, "k");

test("03 §6 a key that nobody has used is made by a pause, and by nothing that only takes back", async () => {
  const { pool } = engine.core;
  await resumeFlowControl(pool, engine.tenantId, "k");
  await resetFlowControlRate(pool, engine.tenantId, "k");
  await unpinFlowControl(pool, engine.tenantId, "k", { parallelism: true, rate: true });
  expect(await key()).toBeNull();
  await pauseFlowControl(pool, engine.tenantId, "k");
  expect(await key()).toMatchObject({ isPaused: true });
  await resumeFlowControl(pool, engine.tenantId, "k");
  expect(await key()).toMatchObject({ isPaused: false });
});
