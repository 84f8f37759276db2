import { parseCron, type Cron } from "@omnistore/domain/schedule/cron";
import type { ScheduleTemplate } from "@omnistore/domain/schedule/schedule";
import { InvalidRequest } from "../errors.ts";
import type { Configuration } from "./configuration.ts";
import { checkName } from "./name.ts";
import type { PublishContext } from "./publish-settings.ts";
import { decodePublishSettings } from "./publish-settings.ts";
import { refusal } from "./refusal.ts";

export interface ScheduleSettings {
  readonly cron: Cron;
  /** As chosen by the caller. */
  readonly id: string | undefined;
  readonly template: Pick<
    ScheduleTemplate,
    "method" | "headers" | "delayMs" | "maxRetries" | "options"
  >;
}

/**
 * Whether a message is a duplicate is asked of single publishes only (contract 01 §5), and a time that
 * a topic sets for messages is none of its schedules.
 */
const OF_SINGLE_PUBLISHES = ["deduplication-id", "content-based-deduplication", "not-before"];

/** Throws 400 for what the publisher of a schedule said itself and no schedule can do. */
export function refuseOwnSettings({ settings }: Configuration): void {
  const value = settings.get("not-before");
  if (value !== undefined) throw refusal("Upstash-Not-Before", value, "has no place on a schedule");
}

/** Everything that headers, query parameters and its topic say about one schedule. Contract 01 §3, 03 §3. */
export function decodeScheduleSettings(
  configuration: Configuration,
  context: PublishContext,
): ScheduleSettings {
  const settings = new Map(configuration.settings);
  for (const name of OF_SINGLE_PUBLISHES) settings.delete(name);
  const cron = decodeCron(settings.get("cron"));
  const id = decodeScheduleId(settings.get("schedule-id"));
  const queueName = decodeQueueName(settings.get("queue-name")) ?? context.queueName;
  const message = decodePublishSettings({ ...configuration, settings }, { ...context, queueName });
  const { method, headers, due, maxRetries, options } = message;
  const delay = due.kind === "after" ? { delayMs: due.delayMs } : {};
  return { cron, id, template: { method, headers, ...delay, maxRetries, options } };
}

function decodeCron(value: string | undefined): Cron {
  if (value === undefined) {
    throw new InvalidRequest(400, "Upstash-Cron is missing: it says when the schedule fires");
  }
  const cron = parseCron(value);
  if (cron.kind === "cron") return cron;
  throw refusal("Upstash-Cron", value, `is not a cron expression: ${cron.reason}`);
}

function decodeScheduleId(value: string | undefined): string | undefined {
  return value === undefined ? undefined : checkName("Upstash-Schedule-Id", value);
}

function decodeQueueName(value: string | undefined): string | undefined {
  return value === undefined ? undefined : checkName("Upstash-Queue-Name", value);
}
