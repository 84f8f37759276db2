import { PLANS } from "@omnistore/domain/tenant/plans";
import { dropExpiredPartitions } from "@omnistore/db/partitions";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterAll, beforeAll, expect, test } from "vitest";

import { makeMessage } from "./publish/make-message.ts";
import { MessageStore } from "./store/message-store.ts";

const DAY_MS = 86_400_000;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

async function partitions(): Promise<string[]> {
  const { rows } = await engine.core.pool.query<{ name: string }>(
    "SELECT inhrelid::regclass::text AS name FROM pg_inherits ORDER BY 1",
  );
  return rows.map(({ name }) => name).filter((name) => /_\d{8}$/.test(name));
}

test("a message delayed for a year survives retention, and partitions that were not made heal themselves", async () => {
  const message = await engine.store({ due: { kind: "after", delayMs: 365 * DAY_MS } });
  const { rows } = await engine.core.pool.query<{ name: string }>(
    "SELECT tableoid::regclass::text AS name FROM messages WHERE id = $1",
    [message.id],
  );
  // The housekeeper was away for long: nothing is there but the partition that holds the message.
  const all = await partitions();
  for (const name of all) {
    if (name !== rows[0]?.name) await engine.owner.query(`DROP TABLE ${name}`);
  }
  const store = new MessageStore({ ...engine.core, onStored: () => undefined });
  const fresh = makeMessage(engine.command(), engine.core.clock.nowMs(), PLANS.development);
  await store.store([{ message: fresh, due: { kind: "now" }, deduplicationKey: null }]);

  expect(await partitions()).toEqual(all);
  await expect(dropExpiredPartitions(engine.core.pool)).resolves.toEqual([]);
  expect(await engine.count("messages")).toBe(2);
});
