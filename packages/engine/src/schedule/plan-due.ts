import { MAX_FAN_OUT_BYTES } from "@omnistore/domain/message/limits";
import type { WireName } from "@omnistore/domain/message/message";
import type { Due, PublishCommand } from "@omnistore/domain/publish/publish-command";
import type { DueDecision } from "@omnistore/domain/schedule/missed";
import type { ScheduleTemplate } from "@omnistore/domain/schedule/schedule";
import type { ScheduleWire } from "@omnistore/domain/schedule/schedule-wire";
import type { Plan } from "@omnistore/domain/tenant/plans";

import { makeMessage } from "../publish/make-message.ts";
import type { MessageToStore } from "../publish/transaction-store.ts";
import type { DataKeys } from "../vault.ts";
import { openHeaders } from "../topic/sealed-headers.ts";
import type { TopicReceivers } from "../topic/select-receivers.sql.ts";
import type { Advance, DueRow } from "./due-schedules.sql.ts";
import { readOwnSettings, readTemplate } from "./schedule-row.ts";

/** Something about one schedule that its operator should know. Times are unix milliseconds. */
export type ScheduleNotice = { readonly tenantId: string; readonly scheduleId: string } & (
  | { readonly kind: "skipped"; readonly firstMs: number; readonly lastMs: number }
  | { readonly kind: "failed"; readonly error: string }
  /** Its tick was skipped: the tenant is suspended, or has used up what its plan allows. */
  | { readonly kind: "refused"; readonly error: string }
);

/** What a due schedule comes to: how it goes on, what it stores, and what there is to say about it. */
export interface DuePlan {
  readonly advance: Advance;
  /** None exactly when `advance` has no tick. */
  readonly stores: readonly MessageToStore[];
  readonly notices: readonly ScheduleNotice[];
}

/** What a tick is made with, besides its schedule. */
export interface DueContext {
  /** The data key of whoever seals. */
  readonly keys: DataKeys;
  readonly wires: Readonly<Record<WireName, ScheduleWire>>;
  /** The topic that the schedule goes to, as it stands; absent: it goes to a URL. */
  readonly topic: TopicReceivers | undefined;
  readonly plan: Plan;
}

/**
 * Plans one tick; `decide` says null when the cron expression is not understood. Never throws: a
 * schedule that cannot be worked out must not hold up the others.
 */
export function planDue(
  row: DueRow,
  decide: () => DueDecision | null,
  context: DueContext,
): DuePlan {
  let nextMs: number | null = null;
  try {
    const decision = decide();
    if (decision === null) {
      return failed(row, null, `the cron expression ${JSON.stringify(row.cron)} is not understood`);
    }
    nextMs = decision.nextMs;
    const notices = decision.skipped
      ? [{ ...namesOf(row), kind: "skipped" as const, ...decision.skipped }]
      : [];
    const stores = decision.fireMs === null ? [] : messagesOf(row, context);
    const messageIds = stores.map(({ message }) => message.id);
    const tick = decision.fireMs === null ? null : { atMs: decision.fireMs, messageIds };
    return { advance: advanceOf(row, { nextMs, tick, error: null }), stores, notices };
  } catch (cause) {
    return failed(row, nextMs, reasonOf(cause));
  }
}

/** What went wrong, in words. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function failed(row: DueRow, nextMs: number | null, error: string): DuePlan {
  return {
    advance: advanceOf(row, { nextMs, tick: null, error }),
    stores: [],
    notices: [{ ...namesOf(row), kind: "failed", error }],
  };
}

function messagesOf(row: DueRow, context: DueContext): readonly MessageToStore[] {
  const { delayMs, ...template } = templateNow(row, context);
  const due: Due = delayMs === undefined ? { kind: "now" } : { kind: "after", delayMs };
  const options = { ...template.options, scheduleId: row.id };
  const command = { ...template, tenantId: row.tenant_id, due, options };
  return commandsOf(command, context.topic).map((each) => ({
    message: makeMessage(each, row.now_ms, context.plan.limits),
    due,
  }));
}

/** As it was stored, with what the topic's headers say now. Contract 00 §8. */
function templateNow(row: DueRow, { keys, wires, topic, plan }: DueContext): ScheduleTemplate {
  const { delayMs, ...stored } = readTemplate(row, keys);
  if (topic === undefined || row.own_settings === null) {
    return { ...stored, ...(delayMs === undefined ? {} : { delayMs }) };
  }
  const own = readOwnSettings(row, row.own_settings, keys);
  const headers = openHeaders(topic, { tenantId: row.tenant_id, name: row.destination }, keys);
  return { ...stored, ...wires[row.wire].settingsWith(own, headers, { nowMs: row.now_ms, plan }) };
}

/** Throws when the destination is a topic that does not exist, or has too many endpoints for the body. */
function commandsOf(
  command: PublishCommand,
  topic: TopicReceivers | undefined,
): readonly PublishCommand[] {
  if (topic === undefined) return [command];
  const { endpoints } = topic;
  const topicName = command.destination;
  if (endpoints.length === 0) throw new Error(`topic ${JSON.stringify(topicName)} does not exist`);
  const bytes = command.body.length * endpoints.length;
  if (bytes > MAX_FAN_OUT_BYTES) {
    const limit = `the limit is ${MAX_FAN_OUT_BYTES} bytes in all`;
    throw new Error(
      `topic ${JSON.stringify(topicName)} would have ${bytes} bytes stored, a body for each of its ${endpoints.length} endpoints, ${limit}`,
    );
  }
  return endpoints.map(({ url, name }) => ({
    ...command,
    destination: url,
    options: {
      ...command.options,
      topicName,
      ...(name === undefined ? {} : { endpointName: name }),
    },
  }));
}

function advanceOf(row: DueRow, step: Pick<Advance, "nextMs" | "tick" | "error">): Advance {
  return { ...namesOf(row), lastMs: row.last_ms, ...step };
}

function namesOf(row: DueRow) {
  return { tenantId: row.tenant_id, scheduleId: row.id };
}
