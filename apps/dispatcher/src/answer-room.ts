import { setTimeout as sleep } from "node:timers/promises";

import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";

import type { AttemptsUnderWay } from "./attempts-under-way.ts";

/** How long the rest of an answer waits for room; after that it is not read. */
const WAIT_MS = 60_000;
const LOOK_AGAIN_MS = 50;

/**
 * Waits until there is room for so many bytes of an answer, which the attempt then keeps until it
 * ends; false when none came in time, or the attempt is over.
 */
export async function waitForRoom(
  underWay: AttemptsUnderWay,
  leased: LeasedDelivery,
  bytes: number,
): Promise<boolean> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const now = performance.now();
    if (underWay.keepAnswer(leased, bytes, now)) return true;
    if (now >= deadline || !underWay.has(leased)) return false;
    await sleep(LOOK_AGAIN_MS);
  }
}
