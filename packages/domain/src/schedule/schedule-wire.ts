import type { HeaderMap } from "../message/message.ts";
import type { Plan } from "../tenant/plans.ts";
import type { ScheduleTemplate } from "./schedule.ts";

/** What the settings of a schedule decide of its messages. */
export type TemplateSettings = Pick<
  ScheduleTemplate,
  "method" | "headers" | "delayMs" | "maxRetries" | "options"
>;

/** How a wire reads what it stored of a schedule to a topic. */
export interface ScheduleWire {
  /**
   * What the publisher said itself, and what the topic's headers say now of whatever it left out.
   * `nowMs` is the database's time. Throws when the two make no sense together, and when the topic
   * asks for more than the plan allows.
   */
  settingsWith(
    ownSettings: string,
    topicHeaders: HeaderMap,
    at: { readonly nowMs: number; readonly plan: Plan },
  ): TemplateSettings;
}
