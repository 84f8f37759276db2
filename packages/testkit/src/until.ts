import { setTimeout as sleep } from "node:timers/promises";

const LOOK_EVERY_MS = 20;

/**
 * Looks again and again until `look` returns something. For what can only be asked for over HTTP or
 * SQL; for what arrives, wait at the receiver instead. Throws with the last look when time is up.
 */
export async function until<Found>(
  look: () => Promise<Found | null | undefined | false>,
  timeoutMs = 10_000,
): Promise<Found> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > deadline)
      throw new Error(`still ${String(found)} after ${timeoutMs} ms`);
    await sleep(LOOK_EVERY_MS);
  }
}
