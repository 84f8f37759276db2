import type { TenantPlans } from "@omnistore/engine/tenant-plans";

import { ask, type Answer } from "./operator.ts";

export type PlanLimits = NonNullable<ReturnType<TenantPlans["last"]>>["limits"];

/** Where a probe asks, and as whom. */
export interface Asked {
  readonly url: string;
  readonly token: string;
}

/** How a limit shows itself from outside. */
interface Probe {
  /** So small that the limit shows. */
  readonly tight: number;
  /** What takes the tight limit's place; absent: the plan's own. */
  readonly wide?: number;
  /** True when the tight limit holds, false when it does not; leaves nothing behind. */
  readonly isHeld: (asked: Asked) => Promise<boolean>;
}

const LATER = "/v2/publish/http://127.0.0.1:9/?upstash-delay=1h";
const DAY_MS = 86_400_000;
/** What a test made in the tenant beforehand: one topic, queue and schedule, and history of so many days ago. */
export const KEPT = "kept";
export const HISTORY_DAYS = 2.5;

let names = 0;
const freshName = () => `fresh-${(names += 1)}`;

const post = ({ url, token }: Asked, path: string, body: unknown = {}) =>
  ask(url, "POST", path, { token, body });

/** Whether it was refused with this status; anything else but success is an error of the test. */
function wasRefused({ status, body }: Answer, refusal: number): boolean {
  if (status !== refusal && status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return status === refusal;
}

const refuses =
  (status: number, path: string, body?: unknown): Probe["isHeld"] =>
  async (asked) =>
    wasRefused(await post(asked, path, body), status);

/** Makes something that may be one too many, and deletes it again. */
const makesOneMore =
  (made: (name: string) => { path: string; body?: unknown; deletion: string }): Probe["isHeld"] =>
  async (asked) => {
    const { path, body, deletion } = made(freshName());
    const isHeld = wasRefused(await post(asked, path, body), 412);
    if (!isHeld) await ask(asked.url, "DELETE", deletion, { token: asked.token });
    return isHeld;
  };

const endpoints = (count: number) => ({
  endpoints: Array.from({ length: count }, (_, index) => ({ url: `http://127.0.0.1:9/${index}` })),
});
const topicOf = (count: number) => (name: string) => ({
  path: `/v2/topics/${name}/endpoints`,
  body: endpoints(count),
  deletion: `/v2/topics/${name}`,
});

const get = async ({ url, token }: Asked, path: string) =>
  (await ask(url, "GET", path, { token })).body as Record<string, unknown>;

/** Every limit of the plan table: one that has no probe does not compile. */
export const PROBES: Readonly<Record<keyof PlanLimits, Probe>> = {
  messageBytes: { tight: 10, isHeld: refuses(413, LATER, "more than ten bytes") },
  messagesPerDay: { tight: 1, wide: 1_000_000, isHeld: refuses(429, LATER) },
  bandwidthBytesPerMonth: { tight: 1, wide: 1_000_000_000, isHeld: refuses(429, LATER) },
  requestsPerSecond: {
    tight: 1,
    wide: 1_000,
    isHeld: async (asked) => {
      const asks = Array.from({ length: 5 }, () =>
        ask(asked.url, "GET", "/v2/queues", { token: asked.token }),
      );
      return (await Promise.all(asks)).some((answer) => wasRefused(answer, 429));
    },
  },
  delayMs: { tight: 60_000, isHeld: refuses(412, LATER) },
  timeoutMs: { tight: 60_000, isHeld: refuses(412, `${LATER}&upstash-timeout=2m`) },
  retries: { tight: 1, isHeld: refuses(412, `${LATER}&upstash-retries=2`) },
  schedules: {
    tight: 1,
    isHeld: makesOneMore((name) => ({
      path: `/v2/schedules/http://127.0.0.1:9/?upstash-cron=0%200%201%201%20*&upstash-schedule-id=${name}`,
      deletion: `/v2/schedules/${name}`,
    })),
  },
  topics: { tight: 1, isHeld: makesOneMore(topicOf(1)) },
  endpointsPerTopic: { tight: 1, isHeld: makesOneMore(topicOf(2)) },
  queues: {
    tight: 1,
    isHeld: makesOneMore((name) => ({
      path: "/v2/queues",
      body: { queueName: name },
      deletion: `/v2/queues/${name}`,
    })),
  },
  parallelismPerQueue: {
    tight: 2,
    isHeld: refuses(412, "/v2/queues", { queueName: KEPT, parallelism: 3 }),
  },
  globalParallelism: {
    tight: 3,
    isHeld: async (asked) => (await get(asked, "/v2/globalParallelism"))["parallelismMax"] === 3,
  },
  batchItems: {
    tight: 1,
    isHeld: refuses(
      413,
      "/v2/batch",
      Array.from({ length: 2 }, () => ({
        destination: "http://127.0.0.1:9/",
        headers: { "Upstash-Delay": "1h" },
      })),
    ),
  },
  logRetentionDays: {
    tight: 1,
    isHeld: async (asked) => {
      const toDate = Date.now() - 2 * DAY_MS;
      const { events } = await get(asked, `/v2/events?toDate=${toDate}`);
      return (events as unknown[]).length === 0;
    },
  },
  deadLetterRetentionDays: {
    tight: 1,
    isHeld: async (asked) => ((await get(asked, "/v2/dlq"))["messages"] as unknown[]).length === 0,
  },
};
