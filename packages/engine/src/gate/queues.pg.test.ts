import { inTransaction } from "@omnistore/db/client";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { until } from "@omnistore/testkit/until";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { openGates } from "./open-gates.ts";
import { deleteQueue, pageOfQueues, upsertQueue } from "./queues.sql.ts";

let engine: TestEngine;
let owner: string;
beforeEach(async () => {
  engine = await startEngine();
  owner = await engine.dispatcher();
  await upsertQueue(engine.core.pool, engine.tenantId, {
    name: "q",
    parallelism: 5,
    isPaused: true,
  });
});
afterEach(() => engine.stop());

const remove = () => deleteQueue(engine.core.pool, engine.tenantId, "q");
const queues = async () => (await pageOfQueues(engine.core.pool, engine.tenantId, null)).items;
const passing = async () =>
  (await openGates(engine.core.pool, owner, 100)).map(({ messageId }) => messageId);

describe("03 §2 a queue that is deleted", () => {
  test("is gone when nothing was enqueued meanwhile", async () => {
    await remove();
    expect(await queues()).toEqual([]);
  });

  test("is there anew for what was enqueued meanwhile, now or for later", async () => {
    const options = { queueName: "q" };
    const { id } = await engine.store({ options });
    await remove();
    expect(await queues()).toMatchObject([{ name: "q", parallelism: 1, isPaused: false, lag: 1 }]);
    expect(await passing()).toEqual([id]);
    await engine.store({ options, due: { kind: "after", delayMs: 3_600_000 } });
    await remove();
    expect(await queues()).toMatchObject([{ lag: 2 }]);
  });

  test("waits for an enqueue that is half done, and stays for it", async () => {
    let removal = Promise.resolve();
    const id = await inTransaction(engine.core.pool, async (client) => {
      const { id: enqueued } = await engine.store({ options: { queueName: "q" } }, {}, client);
      removal = remove();
      await until(async () => {
        const { rows } = await engine.owner.query("SELECT FROM pg_locks WHERE NOT granted");
        return rows.length > 0;
      });
      return enqueued;
    });
    await removal;
    expect(await passing()).toEqual([id]);
  });
});
