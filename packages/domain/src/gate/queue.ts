import type { PlanLimits } from "../tenant/plans.ts";

/** A FIFO queue as it stands. Times are unix milliseconds. */
export interface Queue {
  readonly name: string;
  readonly parallelism: number;
  readonly isPaused: boolean;
  /** Messages in it that are not processed yet. */
  readonly lag: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Settings of a queue that is created or changed. */
export interface QueueSettings {
  readonly name: string;
  readonly parallelism: number;
  /** Absent: as it is; a new queue runs. */
  readonly isPaused?: boolean;
}

/** What may be asked of queues. */
export interface QueueOperations {
  /** False when it would be one more than the limit. */
  upsertQueue(tenantId: string, settings: QueueSettings, limits: PlanLimits): Promise<boolean>;
  /** Makes the queue unless it is there, for messages that are about to be stored: false when it would be one too many. */
  makeQueue(tenantId: string, name: string, limits: PlanLimits): Promise<boolean>;
  getQueue(tenantId: string, name: string): Promise<Queue | null>;
  /** All of them by name, in parts that one may hold in memory. */
  listQueues(tenantId: string): AsyncIterable<readonly Queue[]>;
  /** Removes the queue and cancels the messages in it; absent is as good as deleted. */
  deleteQueue(tenantId: string, name: string): Promise<void>;
  /** Says whether there is such a queue. */
  setQueuePaused(tenantId: string, name: string, isPaused: boolean): Promise<boolean>;
}
