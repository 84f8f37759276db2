import { expect, test } from "vitest";

import { soak } from "./soak.ts";

const LEASE_SECONDS = 3;
/** Longer than a minute and the grace of ticks, so that each schedule has a tick that must have fired. */
const LOAD_SECONDS = 76;
/**
 * On a machine with nothing else to do it is 2 × lease, which the command asserts. A machine that is busy with
 * other tests starts processes late, and PostgreSQL too: here it says only that nobody forgot.
 */
const REDELIVERY_LIMIT_MS = 10 * LEASE_SECONDS * 1_000;

test("20 kills of any process under load lose nothing, double nothing but what was in flight, and keep order and rates", async () => {
  const lines: string[] = [];
  const { verdict, left, output } = await soak(
    {
      kills: 20,
      messages: 2_500,
      seed: 2,
      seconds: LOAD_SECONDS,
      leaseSeconds: LEASE_SECONDS,
      clockSkew: false,
    },
    (line) => lines.push(line),
  );
  const { redelivery, redeliveryAfterMore, duplicates } = verdict;
  const told = [...lines, ...output.split("\n").slice(-50)].join("\n");
  expect({ ...verdict, left, unexplained: duplicates.unexplained }, told).toMatchObject({
    lost: [],
    early: [],
    recordedTwice: [],
    killsOverBound: 0,
    orderBreaks: 0,
    parallelismBreaks: 0,
    rateBreaks: 0,
    missedTicks: [],
    doubleTicks: [],
    left: 0,
    unexplained: 0,
  });
  expect(redelivery.max, told).toBeLessThanOrEqual(REDELIVERY_LIMIT_MS);
  expect(redeliveryAfterMore.max, told).toBeLessThanOrEqual(REDELIVERY_LIMIT_MS);
}, 300_000);
