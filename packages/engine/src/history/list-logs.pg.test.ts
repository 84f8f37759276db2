import { randomBytes } from "node:crypto";

import { LOG_STATES, type LogEvent, type LogState } from "@omnistore/domain/history/log-event";
import { makeMessageId } from "@omnistore/domain/message/message-id";
import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { expectWholePaging } from "@omnistore/testkit/paging";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { listLogs } from "./list-logs.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(() => engine.stop());

/** How one attempt may end, and the states that tell so. */
const ENDS = [
  ["delivered", ["DELIVERED"]],
  ["retry", ["ERROR", "RETRY"]],
  ["dead", ["ERROR", "FAILED"]],
] as const satisfies readonly (readonly [string, readonly LogState[]])[];

/** The events of one message of a time: it is created, tried, and told of. */
const RANKS: Readonly<Record<LogState, number>> = {
  CREATED: 0,
  ACTIVE: 1,
  DELIVERED: 2,
  ERROR: 2,
  RETRY: 3,
  FAILED: 3,
  CANCEL_REQUESTED: 2,
  CANCELED: 3,
};

/** Ascends as the log does: by time, then message, then what comes first in its life. */
const keyOf = (timeMs: number, messageId: string, state: LogState) =>
  [timeMs, messageId, RANKS[state], state].join(" ");

/** A message created `agoMs` ago whose one attempt began and ended within two milliseconds, if not within one. */
async function live(agoMs: number): Promise<readonly (readonly [LogState, string])[]> {
  const [random, shape = 0, length = 0] = [randomBytes(16), ...randomBytes(2)];
  const createdMs = Math.floor(engine.core.clock.nowMs()) - agoMs;
  const id = makeMessageId({ unixMs: createdMs, keepDays: 12, random });
  const [outcome, told] = ENDS[shape % ENDS.length] ?? ENDS[0];
  const startedMs = createdMs + (length % 2);
  const endedMs = startedMs + ((length >> 1) % 2);
  await engine.core.pool.query(
    `WITH stored AS (
       INSERT INTO messages (tenant_id, id, expires_on, not_before, wire, destination, method,
         headers, body, max_retries)
       VALUES ($1, $2, message_expiry_day($2), now(), 'qstash', 'https://example.com/', 'POST',
         '{}', 'body', 3)
     )
     INSERT INTO delivery_logs (tenant_id, message_id, retried, logged_on, started_at, ended_at, outcome)
     SELECT $1, $2, 0, (ended AT TIME ZONE 'UTC')::date, to_timestamp($3::float8 / 1000), ended, $5
     FROM to_timestamp($4::float8 / 1000) AS ended`,
    [engine.tenantId, id, startedMs, endedMs, outcome],
  );
  return [
    ["CREATED", keyOf(createdMs, id, "CREATED")],
    ["ACTIVE", keyOf(startedMs, id, "ACTIVE")],
    ...told.map((state) => [state, keyOf(endedMs, id, state)] as const),
  ];
}

function forget(messageIds: readonly string[] | null) {
  return engine.core.pool.query(
    `WITH gone AS (
       DELETE FROM messages WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR id = ANY ($2))
     )
     DELETE FROM delivery_logs WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR message_id = ANY ($2))`,
    [engine.tenantId, messageIds],
  );
}

const told = ({ time, message, state }: LogEvent) => keyOf(time, message.id, state);

describe("03 §8 a log whose entries come and expire while it is read", () => {
  test.each([
    ["all states", LOG_STATES],
    ["states of which one attempt tells two", ["CREATED", "ERROR", "RETRY", "FAILED"]],
    ["one state", ["DELIVERED"]],
  ] as const)(
    "shows each that stays once, in order, however pages are cut: %s",
    async (_, states) => {
      expect.hasAssertions();
      const wanted: ReadonlySet<LogState> = new Set(states);
      const { pool, vault } = engine.core;
      await expectWholePaging({
        async come(agoMs) {
          const events = await live(agoMs);
          return events.flatMap(([state, key]) => (wanted.has(state) ? [key] : []));
        },
        go: (keys) => forget(keys.map((key) => key.split(" ")[1] ?? "")),
        async page({ order, count, cursor }) {
          const query = { order, count, states, ...(cursor === undefined ? {} : { cursor }) };
          const outcome = await listLogs(pool, vault, engine.tenantId, query);
          if (outcome.kind !== "page") throw new Error("the cursor was refused");
          return { keys: outcome.page.items.map(told), cursor: outcome.page.cursor };
        },
        clear: () => forget(null),
      });
    },
  );
});
