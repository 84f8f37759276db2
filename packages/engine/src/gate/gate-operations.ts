import type { Pool } from "@omnistore/db/client";
import type { FlowControlOperations } from "@omnistore/domain/gate/flow-control-key";
import type { QueueOperations } from "@omnistore/domain/gate/queue";

import { orUnavailable } from "../unavailable.ts";
import * as flow from "./flow-control-keys.sql.ts";
import * as queues from "./queues.sql.ts";

export interface GateOperationsParts {
  readonly pool: Pool;
  /** Tells dispatchers that a gate may let something through by its new rules. */
  readonly wake: () => void;
  /** Takes everything that is in a queue out of it. */
  readonly cancelQueue: (tenantId: string, name: string) => Promise<unknown>;
}

/** What may be asked of queues and flow-control keys. */
export function createGateOperations({
  pool,
  wake,
  cancelQueue,
}: GateOperationsParts): QueueOperations & FlowControlOperations {
  const thenWake = async <Result>(change: Promise<Result>): Promise<Result> => {
    const result = await orUnavailable(change);
    wake();
    return result;
  };
  return {
    upsertQueue: (tenantId, settings) => thenWake(queues.upsertQueue(pool, tenantId, settings)),
    listQueues: (tenantId) => orUnavailable(queues.selectQueues(pool, tenantId, null)),
    async getQueue(tenantId, name) {
      const [queue] = await orUnavailable(queues.selectQueues(pool, tenantId, name));
      return queue ?? null;
    },
    async deleteQueue(tenantId, name) {
      await cancelQueue(tenantId, name);
      await orUnavailable(queues.deleteQueue(pool, tenantId, name));
    },
    setQueuePaused: (tenantId, name, isPaused) =>
      thenWake(queues.setQueuePaused(pool, tenantId, name, isPaused)),
    listFlowControlKeys: (tenantId, search) =>
      orUnavailable(
        flow.selectFlowControlKeys(pool, tenantId, search === undefined ? {} : { search }),
      ),
    async getFlowControlKey(tenantId, key) {
      const [found] = await orUnavailable(flow.selectFlowControlKeys(pool, tenantId, { key }));
      return found ?? null;
    },
    setFlowControlPaused: (tenantId, key, isPaused) =>
      thenWake(flow.setFlowControlPaused(pool, tenantId, key, isPaused)),
    pinFlowControl: (tenantId, key, pin) => thenWake(flow.pinFlowControl(pool, tenantId, key, pin)),
    unpinFlowControl: (tenantId, key, what) =>
      orUnavailable(flow.unpinFlowControl(pool, tenantId, key, what)),
    resetFlowControlRate: (tenantId, key) =>
      thenWake(flow.resetFlowControlRate(pool, tenantId, key)),
    getGlobalParallelism: (tenantId) => orUnavailable(flow.getGlobalParallelism(pool, tenantId)),
  };
}
