import { PLAN_NAMES, UNBOUNDED } from "@omnistore/domain/tenant/plans";
import { ROLES } from "@omnistore/domain/tenant/tenant";
import { z } from "zod";

/** What people call a tenant or a token. NUL cannot be stored. */
const name = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}]*$/u, "holds a control character")
  .refine((text) => text.isWellFormed(), "holds half a character (a lone surrogate)");

const plan = z.enum(PLAN_NAMES);

const LONGEST_OVERLAP_SECONDS = 30 * 86_400;
const DEFAULT_OVERLAP_SECONDS = 3_600;

/** Far enough for any token, near enough for any database. */
const LAST_TIME_MS = Date.UTC(9999, 0);
const TIME =
  "must be whole Unix milliseconds, or ISO 8601 with an offset such as Z or +02:00, before the year 9999";

/** With seconds or without. */
const isoTime = z.union([
  z.iso.datetime({ offset: true }),
  z.iso.datetime({ offset: true, precision: -1 }),
]);

/** Whole Unix milliseconds, or an ISO 8601 date and time with its offset; before the year 9999. */
const time = z.union(
  [
    z.int().positive(TIME).max(LAST_TIME_MS, TIME),
    isoTime.transform((text) => Date.parse(text)).pipe(z.number().max(LAST_TIME_MS, TIME)),
  ],
  TIME,
);

export const NewTenant = z.strictObject({ name, plan: plan.optional() });

export const NewToken = z.strictObject({ name, role: z.enum(ROLES), expiresAt: time.optional() });

export const Rotation = z.strictObject({
  overlapSeconds: z.number().min(0).max(LONGEST_OVERLAP_SECONDS).default(DEFAULT_OVERLAP_SECONDS),
});

/** The body of a call that takes none: `{}` or nothing. */
export const Nothing = z.strictObject({});

const upTo = (ceiling: number) => z.int().positive().max(ceiling).exactOptional();
const upToNone = z
  .int()
  .positive()
  .max(2 ** 31 - 1)
  .nullable()
  .exactOptional();

/** A tenant's own limits; null is no limit, where the service can do without one. */
const limits = z.strictObject({
  messageBytes: upTo(UNBOUNDED.messageBytes),
  messagesPerDay: upToNone,
  bandwidthBytesPerMonth: z.int().positive().nullable().exactOptional(),
  requestsPerSecond: upToNone,
  delayMs: upTo(UNBOUNDED.delayMs),
  timeoutMs: upTo(UNBOUNDED.timeoutMs),
  retries: upTo(UNBOUNDED.retries),
  schedules: upToNone,
  topics: upTo(UNBOUNDED.topics),
  endpointsPerTopic: upTo(UNBOUNDED.endpointsPerTopic),
  queues: upToNone,
  parallelismPerQueue: upToNone,
  globalParallelism: upToNone,
  batchItems: upTo(UNBOUNDED.batchItems),
  logRetentionDays: upTo(UNBOUNDED.logRetentionDays),
  deadLetterRetentionDays: upTo(UNBOUNDED.deadLetterRetentionDays),
});

export const PlanChange = z.strictObject({
  plan: plan.exactOptional(),
  limits: limits.exactOptional(),
});

/** A time in a query: Unix milliseconds, or ISO 8601. */
const queryTime = z.union(
  [
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number)
      .pipe(z.number().max(LAST_TIME_MS)),
    isoTime.transform((text) => Date.parse(text)),
  ],
  TIME,
);

export const UsageRange = z.strictObject({
  from: queryTime.optional(),
  to: queryTime.optional(),
  format: z.enum(["json", "csv"]).default("json"),
});

const MAX_PAGE = 100;

export const PageQuery = z.strictObject({
  cursor: z.string().min(1).max(200).optional(),
  count: z
    .string()
    .regex(/^[1-9]\d{0,2}$/, `must be a whole number from 1 to ${MAX_PAGE}`)
    .transform(Number)
    .pipe(z.number().max(MAX_PAGE))
    .default(MAX_PAGE),
});
