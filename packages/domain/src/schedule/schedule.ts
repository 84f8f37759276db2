import type { HeaderMap, MessageOptions, Method, WireName } from "../message/message.ts";
import type { Cron } from "./cron.ts";

/** The message that each tick of a schedule makes, or makes for each endpoint of a topic. */
export interface ScheduleTemplate {
  readonly wire: WireName;
  /** URL, or name of a topic. */
  readonly destination: string;
  readonly method: Method;
  readonly headers: HeaderMap;
  readonly body: Buffer;
  /** From the tick to the first attempt, milliseconds. */
  readonly delayMs?: number;
  readonly maxRetries: number;
  readonly options: MessageOptions;
}

/** A schedule to be created, or to take the place of the one that has its id. Validated by a wire. */
export interface ScheduleCommand {
  readonly tenantId: string;
  readonly id: string;
  readonly cron: Cron;
  /** As its ticks would make it now. */
  readonly template: ScheduleTemplate;
  /** For a schedule to a topic: what the publisher said itself, in the wire's own words. */
  readonly ownSettings?: string;
}

/** What became of a command; nothing is stored of one that a limit refuses. */
export type ScheduleOutcome = "created" | "too-many-schedules" | "too-many-queues";

/** What became of a message that a schedule made. */
export const FIRE_STATES = ["in-progress", "success", "fail"] as const;
export type FireState = (typeof FIRE_STATES)[number];

/** A schedule as it stands. Times are unix milliseconds. */
export interface Schedule {
  readonly id: string;
  /** As given, with its time zone. */
  readonly cron: string;
  readonly template: ScheduleTemplate;
  readonly isPaused: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Absent while paused, and when no tick comes any more. */
  readonly nextRunAt?: number;
  /** The last tick that fired. */
  readonly lastRunAt?: number;
  /** Why the last tick fired nothing. */
  readonly lastError?: string;
  /** The messages of the last tick that fired, by id, as long as the log knows them. */
  readonly lastFired: Readonly<Record<string, FireState>>;
}
