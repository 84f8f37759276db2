import type { Configuration } from "./configuration.ts";
import { refusal } from "./refusal.ts";

const HEADER = "Upstash-Queue-Name";

/**
 * Throws 400 where a message that no schedule makes names a queue by header: it would go past the
 * queue, and its publisher would not know. `queueName` is the queue that it does go through. (The id
 * of a schedule is ignored instead: deliveries carry it, and who passes on their headers sends it back.)
 * Contract 01 §3.
 */
export function refuseQueueName(own: Configuration, queueName: string | undefined): void {
  const value = own.settings.get("queue-name");
  if (value === undefined || value === queueName) return;
  throw refusal(HEADER, value, "is for schedules: enqueue the message, or name the item's queue");
}
