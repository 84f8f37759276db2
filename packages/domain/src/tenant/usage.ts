import { utcDay } from "../message/utc-day.ts";

/** What a tenant used. */
export interface Usage {
  /** Messages stored, those of schedules, callbacks and retries of dead letters among them. */
  readonly publishes: number;
  /** Messages that a receiver accepted. */
  readonly deliveries: number;
  /** Attempts whose outcome was recorded. */
  readonly attempts: number;
  /** Bytes of bodies that were published, and of bodies that were sent. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** The usage of one hour that had any; `hour` is Unix milliseconds. */
export interface HourOfUsage extends Usage {
  readonly hour: number;
}

/** Unix milliseconds; the hours that begin at or after `fromMs` and before `toMs`. */
export interface UsageQuery {
  readonly fromMs: number;
  readonly toMs: number;
}

export const NO_USAGE: Usage = {
  publishes: 0,
  deliveries: 0,
  attempts: 0,
  bytesIn: 0,
  bytesOut: 0,
};

export function addUsage(left: Usage, right: Usage): Usage {
  return {
    publishes: left.publishes + right.publishes,
    deliveries: left.deliveries + right.deliveries,
    attempts: left.attempts + right.attempts,
    bytesIn: left.bytesIn + right.bytesIn,
    bytesOut: left.bytesOut + right.bytesOut,
  };
}

/** What messages cost, in US dollars. */
export interface Price {
  readonly freeMessagesPerDay: number;
  readonly per100000Messages: number;
}

/** Contract 06 §1, pay as you go. */
export const PRICE: Price = { freeMessagesPerDay: 1_000, per100000Messages: 1 };

/** An estimate: what the messages of each UTC day cost beyond the free ones, in US dollars. */
export function estimateCost(hours: readonly HourOfUsage[], price: Price): number {
  const messagesOn = new Map<number, number>();
  for (const { hour, publishes } of hours) {
    const day = utcDay(hour);
    messagesOn.set(day, (messagesOn.get(day) ?? 0) + publishes);
  }
  let paid = 0;
  for (const messages of messagesOn.values()) {
    paid += Math.max(0, messages - price.freeMessagesPerDay);
  }
  return (paid / 100_000) * price.per100000Messages;
}
