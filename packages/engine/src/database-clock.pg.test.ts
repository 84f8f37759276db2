import { startEngine } from "@omnistore/testkit/engine";
import { expect, test } from "vitest";

import { DatabaseClock } from "./database-clock.ts";

/** Does nothing else for so long, as a busy machine makes a process do. */
function freeze(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test("an answer that the process came to read late does not set the clock wrong", async () => {
  const engine = await startEngine();
  const { pool } = engine.core;
  const clock = new DatabaseClock(pool);
  pool.once("acquire", () => setImmediate(freeze, 200));
  await clock.start();
  let errorMs = Infinity;
  // The quickest of several comparisons is the one that tells most.
  for (let looks = 0; looks < 10; looks += 1) {
    const before = clock.nowMs();
    const { rows } = await pool.query<{ ms: number }>(
      "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms",
    );
    const now = rows[0]?.ms ?? Number.NaN;
    const outsideMs = Math.max(before - now, now - clock.nowMs(), 0);
    errorMs = Math.min(errorMs, outsideMs);
  }
  expect(errorMs).toBeLessThan(20);
  await clock.stop();
  await engine.stop();
});
