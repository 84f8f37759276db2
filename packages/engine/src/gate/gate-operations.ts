import { LRUCache } from "lru-cache";
import type { FlowControlOperations } from "@omnistore/domain/gate/flow-control-key";
import type { QueueOperations } from "@omnistore/domain/gate/queue";

import { inPages } from "../in-pages.ts";
import type { TenantScopes } from "../tenant-scope.ts";
import { orUnavailable } from "../unavailable.ts";
import * as flow from "./flow-control-keys.sql.ts";
import * as queues from "./queues.sql.ts";

/** Queues that were just seen to be there: an enqueue need not ask again, for as long as other limits take to be heard of. */
const KNOWN_QUEUES = 10_000;
const KNOWN_MS = 1_000;

export interface GateOperationsParts {
  readonly scopeOf: TenantScopes;
  /** Tells dispatchers that a gate may let something through by its new rules. */
  readonly wake: () => void;
  /** Takes everything that is in a queue out of it. */
  readonly cancelQueue: (tenantId: string, name: string) => Promise<unknown>;
}

/** Of a queue among those of all tenants. */
function keyOf(tenantId: string, name: string): string {
  return `${tenantId} ${name}`;
}

/** What may be asked of queues and flow-control keys. */
export function createGateOperations({
  scopeOf,
  wake,
  cancelQueue,
}: GateOperationsParts): QueueOperations & FlowControlOperations {
  const thenWake = async <Result>(change: Promise<Result>): Promise<Result> => {
    const result = await orUnavailable(change);
    wake();
    return result;
  };
  const knownQueues = new LRUCache<string, true>({ max: KNOWN_QUEUES, ttl: KNOWN_MS });
  const makeQueue: QueueOperations["makeQueue"] = async (tenantId, name, { queues: limit }) => {
    const key = keyOf(tenantId, name);
    if (limit === null || knownQueues.has(key)) return true;
    const isThere = await orUnavailable(
      queues.makeQueueWithin(scopeOf(tenantId).pool, tenantId, name, limit),
    );
    if (isThere) knownQueues.set(key, true);
    return isThere;
  };
  return {
    async upsertQueue(tenantId, settings, limits) {
      if (!(await makeQueue(tenantId, settings.name, limits))) return false;
      await thenWake(queues.upsertQueue(scopeOf(tenantId).pool, tenantId, settings));
      return true;
    },
    makeQueue,
    listQueues: (tenantId) =>
      inPages((after: string | null) =>
        queues.pageOfQueues(scopeOf(tenantId).pool, tenantId, after),
      ),
    getQueue: (tenantId, name) =>
      orUnavailable(queues.getQueue(scopeOf(tenantId).pool, tenantId, name)),
    async deleteQueue(tenantId, name) {
      await cancelQueue(tenantId, name);
      await thenWake(queues.deleteQueue(scopeOf(tenantId).pool, tenantId, name));
      knownQueues.delete(keyOf(tenantId, name));
    },
    setQueuePaused: (tenantId, name, isPaused) =>
      thenWake(queues.setQueuePaused(scopeOf(tenantId).pool, tenantId, name, isPaused)),
    listFlowControlKeys: (tenantId, search) =>
      inPages((after: string | null) =>
        flow.pageOfFlowControlKeys(scopeOf(tenantId).pool, tenantId, search ?? null, after),
      ),
    getFlowControlKey: (tenantId, key) =>
      orUnavailable(flow.getFlowControlKey(scopeOf(tenantId).pool, tenantId, key)),
    setFlowControlPaused: (tenantId, key, isPaused) =>
      thenWake(
        isPaused
          ? flow.pauseFlowControl(scopeOf(tenantId).pool, tenantId, key)
          : flow.resumeFlowControl(scopeOf(tenantId).pool, tenantId, key),
      ),
    pinFlowControl: (tenantId, key, pin) =>
      thenWake(flow.pinFlowControl(scopeOf(tenantId).pool, tenantId, key, pin)),
    unpinFlowControl: (tenantId, key, what) =>
      orUnavailable(flow.unpinFlowControl(scopeOf(tenantId).pool, tenantId, key, what)),
    resetFlowControlRate: (tenantId, key) =>
      thenWake(flow.resetFlowControlRate(scopeOf(tenantId).pool, tenantId, key)),
    getGlobalParallelism: (tenantId, { globalParallelism: limit }) =>
      orUnavailable(flow.getGlobalParallelism(scopeOf(tenantId).pool, tenantId, limit)),
  };
}
