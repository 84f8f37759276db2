import type { LoggedOutcome } from "@omnistore/domain/history/attempt";
import { LOG_STATES, type LogQuery, type LogState } from "@omnistore/domain/history/log-event";
import { messageExpiryDay } from "@omnistore/domain/message/message-id";

import { messageConditions } from "../message-filter.ts";
import type { SqlParameters } from "../sql-parameters.ts";
import { uuidOfTime } from "../uuid-of-time.ts";

/** Some of the events that one table tells, read in the order of one of its indexes. */
export interface LogPart {
  /** Time of the event, unix microseconds. */
  readonly micros: string;
  readonly messageId: string;
  /** Orders the events of one message that share a time. */
  readonly rank: string;
  /** State, time of the next attempt, and what was answered. */
  readonly columns: string;
  readonly from: string;
  readonly conditions: readonly string[];
  /** Ascends as (micros, messageId, rank) does, and is what the index is sorted by. */
  readonly order: readonly string[];
}

/** What a log row tells once its attempt has ended: one event, or two of the same moment. */
const AFTERMATH: Record<LoggedOutcome, readonly LogState[]> = {
  delivered: ["DELIVERED"],
  retry: ["ERROR", "RETRY"],
  dead: ["ERROR", "FAILED"],
  cancelled: ["CANCEL_REQUESTED", "CANCELED"],
  abandoned: ["CANCEL_REQUESTED", "CANCELED"],
};

const NO_ANSWER = `NULL::int4 AS status, NULL::jsonb AS response_headers,
  NULL::bytea AS response_body, NULL::text AS error`;
const NOTHING_ELSE = `NULL::float8 AS next_due_ms, ${NO_ANSWER}`;

const micros = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::int8`;
const unixMs = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;
const utcDay = (time: string) => `(${time} AT TIME ZONE 'UTC')::date`;

/** Writes the parts of one query; what they are compared with goes to `parameters`. */
export class LogParts {
  readonly #tenantId: string;
  readonly #query: LogQuery;
  readonly #range: { readonly lowMicros: number; readonly highMicros: number };
  readonly #parameters: SqlParameters;

  constructor(
    tenantId: string,
    query: LogQuery,
    range: { readonly lowMicros: number; readonly highMicros: number },
    parameters: SqlParameters,
  ) {
    this.#tenantId = tenantId;
    this.#query = query;
    this.#range = range;
    this.#parameters = parameters;
  }

  /** The parts that can tell an event of a wanted state. */
  all(): readonly LogPart[] {
    const wanted: ReadonlySet<LogState> = new Set(this.#query.states ?? LOG_STATES);
    return [
      ...(wanted.has("CREATED") ? [this.#created()] : []),
      ...(wanted.has("ACTIVE") ? [this.#started(), this.#underWay()] : []),
      ...this.#ended(0, wanted),
      ...this.#ended(1, wanted),
    ];
  }

  #created(): LogPart {
    const { lowMicros, highMicros } = this.#range;
    const { messageIds } = this.#query;
    const first = this.#uuid(uuidOfTime(Math.floor(lowMicros / 1000), "first"));
    const last = this.#uuid(uuidOfTime(Math.floor(highMicros / 1000), "last"));
    const days = messageIds && [...new Set(messageIds.map(messageExpiryDay))];
    return this.#ofMessages({
      micros: "uuid_unix_ms(m.id) * 1000",
      messageId: "m.id",
      rank: "0",
      // The same millisecond that the message itself shows.
      columns: `'CREATED' AS state, ${unixMs("date_trunc('milliseconds', m.not_before)")} AS next_due_ms, ${NO_ANSWER}`,
      from: "messages m",
      conditions: [
        `m.tenant_id = ${this.#uuid(this.#tenantId)} AND m.id BETWEEN ${first} AND ${last}`,
        ...(days ? [`m.expires_on = ANY (${this.#parameters.add(days, "date[]")})`] : []),
        ...messageConditions(this.#query, this.#parameters),
      ],
      order: ["m.id"],
    });
  }

  /** Attempts that ended since; a message that was cancelled while it waited had none. */
  #started(): LogPart {
    return this.#filtered({
      micros: micros("l.started_at"),
      messageId: "l.message_id",
      rank: "l.retried * 4 + 1",
      columns: `'ACTIVE' AS state, ${NOTHING_ELSE}`,
      from: "delivery_logs l",
      conditions: [
        this.#tenantAndTime("l", "l.started_at"),
        `l.logged_on >= ${utcDay(this.#low())}`,
        "l.outcome <> 'cancelled'",
      ],
      order: ["l.started_at", "l.message_id", "l.retried"],
    });
  }

  #underWay(): LogPart {
    return this.#filtered({
      micros: micros("d.leased_at"),
      messageId: "d.message_id",
      rank: "d.retried * 4 + 1",
      columns: `'ACTIVE' AS state, ${NOTHING_ELSE}`,
      from: "deliveries d",
      conditions: [this.#tenantAndTime("d", "d.leased_at"), "d.owner IS NOT NULL"],
      order: ["d.leased_at", "d.message_id"],
    });
  }

  /** The first or the second event of what ended. */
  #ended(step: 0 | 1, wanted: ReadonlySet<LogState>): LogPart[] {
    const told = Object.entries(AFTERMATH).flatMap(([outcome, states]) => {
      const state = states[step];
      return state !== undefined && wanted.has(state) ? [{ outcome, state }] : [];
    });
    if (told.length === 0) return [];
    const cases = told.map(({ outcome, state }) => `WHEN '${outcome}' THEN '${state}'`).join(" ");
    const answer =
      step === 0
        ? `NULL::float8 AS next_due_ms, CASE WHEN l.outcome <> 'delivered' THEN l.status END AS status,
           l.response_headers, l.response_body, l.error`
        : `${unixMs("l.next_due_at")} AS next_due_ms, NULL::int4 AS status,
           NULL::jsonb AS response_headers, NULL::bytea AS response_body,
           CASE l.outcome WHEN 'dead' THEN l.error END AS error`;
    const part = this.#filtered({
      micros: micros("l.ended_at"),
      messageId: "l.message_id",
      rank: `l.retried * 4 + ${step + 2}`,
      columns: `CASE l.outcome ${cases} END AS state, ${answer}`,
      from: "delivery_logs l",
      conditions: [
        this.#tenantAndTime("l", "l.ended_at"),
        `l.logged_on BETWEEN ${utcDay(this.#low())} AND ${utcDay(this.#high())}`,
        `l.outcome IN (${told.map(({ outcome }) => `'${outcome}'`).join(", ")})`,
      ],
      order: ["l.ended_at", "l.message_id", "l.retried"],
    });
    return [part];
  }

  /**
   * A part that another table than that of the messages tells. `OFFSET 0` keeps the planner from
   * making a join of it: it takes every filter for a rare one and would read all messages first.
   */
  #filtered(part: LogPart): LogPart {
    const filter = messageConditions(this.#query, this.#parameters);
    if (filter.length === 0) return this.#ofMessages(part);
    const { messageId } = part;
    const passes = `EXISTS (SELECT FROM messages m WHERE m.tenant_id = ${this.#uuid(this.#tenantId)}
      AND m.id = ${messageId} AND m.expires_on = message_expiry_day(${messageId})
      AND ${filter.join(" AND ")} OFFSET 0)`;
    return this.#ofMessages({ ...part, conditions: [...part.conditions, passes] });
  }

  #ofMessages(part: LogPart): LogPart {
    const { messageIds } = this.#query;
    if (messageIds === undefined) return part;
    const isOneOf = `${part.messageId} = ANY (${this.#parameters.add(messageIds, "uuid[]")})`;
    return { ...part, conditions: [...part.conditions, isOneOf] };
  }

  #tenantAndTime(table: string, column: string): string {
    return `${table}.tenant_id = ${this.#uuid(this.#tenantId)}
      AND ${column} BETWEEN ${this.#low()} AND ${this.#high()}`;
  }

  #low(): string {
    return `to_timestamp(${this.#parameters.add(this.#range.lowMicros, "float8")} / 1000000)`;
  }

  #high(): string {
    return `to_timestamp(${this.#parameters.add(this.#range.highMicros, "float8")} / 1000000)`;
  }

  #uuid(value: string): string {
    return this.#parameters.add(value, "uuid");
  }
}
