import {
  DEFAULT_RETRIES,
  MAX_BATCH_ITEMS,
  MAX_BODY_BYTES,
  MAX_DELAY_MS,
  MAX_RETENTION_DAYS,
  MAX_RETRIES,
  MAX_TIMEOUT_MS,
  MAX_TOPIC_ENDPOINTS,
  MAX_TOPICS,
} from "../message/limits.ts";

const MIB = 1024 * 1024;
const GB = 1_000_000_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/**
 * What a plan bounds; null is no bound. `limits.ts` holds what the service can do at all, and no plan
 * goes beyond it.
 */
export interface PlanLimits {
  readonly messageBytes: number;
  readonly messagesPerDay: number | null;
  /** Bytes of bodies that come in and that are sent, of a UTC month. */
  readonly bandwidthBytesPerMonth: number | null;
  /** Of everything but publish, enqueue and batch, which have no limit by the second. Contract 00 §4. */
  readonly requestsPerSecond: number | null;
  readonly delayMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly schedules: number | null;
  readonly topics: number;
  readonly endpointsPerTopic: number;
  readonly queues: number | null;
  readonly parallelismPerQueue: number | null;
  /** Messages of the tenant under way at one time. Contract 02 §7. */
  readonly globalParallelism: number | null;
  readonly batchItems: number;
  /** How far back logs and dead letters can be read. */
  readonly logRetentionDays: number;
  readonly deadLetterRetentionDays: number;
}

/** As much as the service can do: no plan and no tenant gets more. */
export const UNBOUNDED: PlanLimits = {
  messageBytes: MAX_BODY_BYTES,
  messagesPerDay: null,
  bandwidthBytesPerMonth: null,
  requestsPerSecond: null,
  delayMs: MAX_DELAY_MS,
  timeoutMs: MAX_TIMEOUT_MS,
  retries: MAX_RETRIES,
  schedules: null,
  topics: MAX_TOPICS,
  endpointsPerTopic: MAX_TOPIC_ENDPOINTS,
  queues: null,
  parallelismPerQueue: null,
  globalParallelism: null,
  batchItems: MAX_BATCH_ITEMS,
  logRetentionDays: MAX_RETENTION_DAYS,
  deadLetterRetentionDays: MAX_RETENTION_DAYS,
};

/** As many of everything as the service can do, each as large and as long as most need it. */
const DEVELOPMENT: PlanLimits = {
  ...UNBOUNDED,
  messageBytes: 10 * MIB,
  delayMs: 365 * DAY_MS,
  timeoutMs: 2 * HOUR_MS,
  logRetentionDays: 7,
  deadLetterRetentionDays: 7,
};

const PAY_AS_YOU_GO: PlanLimits = {
  ...DEVELOPMENT,
  requestsPerSecond: 100,
  schedules: 1_000,
  topics: 100,
  queues: 100,
  parallelismPerQueue: 100,
  globalParallelism: 100,
};

/** The plans. Contract 06 §1; where it says nothing, the next smaller plan's figure holds. */
export const PLANS = {
  free: {
    ...PAY_AS_YOU_GO,
    messageBytes: MIB,
    messagesPerDay: 1_000,
    bandwidthBytesPerMonth: 50 * GB,
    delayMs: 7 * DAY_MS,
    timeoutMs: 15 * MINUTE_MS,
    schedules: 10,
    topics: 1,
    queues: 10,
    parallelismPerQueue: 2,
    globalParallelism: 10,
    logRetentionDays: 3,
    deadLetterRetentionDays: 3,
  },
  "pay-as-you-go": PAY_AS_YOU_GO,
  "fixed-1m": {
    ...PAY_AS_YOU_GO,
    messageBytes: MAX_BODY_BYTES,
    messagesPerDay: 1_000_000,
    delayMs: MAX_DELAY_MS,
    timeoutMs: 6 * HOUR_MS,
    deadLetterRetentionDays: 30,
    bandwidthBytesPerMonth: 1_000 * GB,
    parallelismPerQueue: 200,
    globalParallelism: 200,
  },
  "fixed-10m": {
    ...PAY_AS_YOU_GO,
    messageBytes: MAX_BODY_BYTES,
    messagesPerDay: 10_000_000,
    delayMs: MAX_DELAY_MS,
    timeoutMs: 12 * HOUR_MS,
    deadLetterRetentionDays: 90,
    bandwidthBytesPerMonth: 5_000 * GB,
    parallelismPerQueue: 1_000,
    globalParallelism: 1_000,
  },
  enterprise: {
    ...UNBOUNDED,
    messagesPerDay: 100_000_000,
    requestsPerSecond: 1_000,
  },
  development: DEVELOPMENT,
} as const satisfies Record<string, PlanLimits>;
export type PlanName = keyof typeof PLANS;

export const PLAN_NAMES = [
  "free",
  "pay-as-you-go",
  "fixed-1m",
  "fixed-10m",
  "enterprise",
  "development",
] as const satisfies readonly PlanName[];

/** Limits that are a tenant's own instead of its plan's. */
export type LimitOverrides = Partial<PlanLimits>;

/** A plan as it holds for one tenant. */
export interface Plan {
  readonly name: PlanName;
  readonly limits: PlanLimits;
}

/** The plan with the tenant's own limits in place. */
export function planOf(name: PlanName, overrides: LimitOverrides): Plan {
  return { name, limits: { ...PLANS[name], ...overrides } };
}

/** Retries of a message whose publisher says nothing: never more than the plan allows. Contract 01 §3. */
export function defaultRetries({ limits }: Plan): number {
  return Math.min(DEFAULT_RETRIES, limits.retries);
}
