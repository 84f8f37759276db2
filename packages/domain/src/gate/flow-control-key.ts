import type { PlanLimits } from "../tenant/plans.ts";

/** A flow-control key as it stands. */
export interface FlowControlKey {
  readonly key: string;
  readonly waiting: number;
  /** Null: no limit. */
  readonly parallelism: number | null;
  readonly active: number;
  readonly rate: number | null;
  /** Starts in the current period; 0 when it has ended. */
  readonly rateCount: number;
  readonly periodSeconds: number;
  /** Unix milliseconds; null before the first start. */
  readonly periodStartedAt: number | null;
  readonly isPaused: boolean;
  readonly isPinnedParallelism: boolean;
  readonly isPinnedRate: boolean;
}

/** Rules that stay whatever messages bring, until they are unpinned. */
export interface Pin {
  readonly parallelism?: number;
  readonly rate?: number;
  readonly periodSeconds?: number;
}

/** What may be asked of flow-control keys. Pause and pin also make a key that nothing has used yet. */
export interface FlowControlOperations {
  /** All of them by name, in parts that one may hold in memory. `search`: part of the key. */
  listFlowControlKeys(tenantId: string, search?: string): AsyncIterable<readonly FlowControlKey[]>;
  getFlowControlKey(tenantId: string, key: string): Promise<FlowControlKey | null>;
  setFlowControlPaused(tenantId: string, key: string, isPaused: boolean): Promise<void>;
  pinFlowControl(tenantId: string, key: string, pin: Pin): Promise<void>;
  unpinFlowControl(
    tenantId: string,
    key: string,
    what: { readonly parallelism: boolean; readonly rate: boolean },
  ): Promise<void>;
  /** Forgets the starts of the current period and opens a new one now. */
  resetFlowControlRate(tenantId: string, key: string): Promise<void>;
  /** Deliveries of the tenant under way, and how many may be. */
  getGlobalParallelism(
    tenantId: string,
    limits: Pick<PlanLimits, "globalParallelism">,
  ): Promise<{ readonly max: number; readonly count: number }>;
}
