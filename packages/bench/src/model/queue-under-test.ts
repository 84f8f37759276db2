import { randomBytes, randomUUID } from "node:crypto";

import type { Pool } from "@omnistore/db/client";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import { cancelMessages } from "@omnistore/engine/cancel/cancel-messages";
import { claimDeliveries } from "@omnistore/engine/claim/claim-deliveries.sql";
import { promoteDue } from "@omnistore/engine/claim/promote-due.sql";
import { openGates } from "@omnistore/engine/gate/open-gates";
import { beat, registerDispatcher } from "@omnistore/engine/lease/heartbeat.sql";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import { makeMessage } from "@omnistore/engine/publish/make-message";
import { writeOutcomes } from "@omnistore/engine/record/write-outcomes.sql";
import { handBack } from "@omnistore/engine/rescue/hand-back.sql";
import { releaseForgotten } from "@omnistore/engine/rescue/release-forgotten.sql";
import { rescueExpired } from "@omnistore/engine/rescue/rescue-expired.sql";
import { insertMessages } from "@omnistore/engine/store/insert-messages.sql";

import { PERIOD_MS, type FlowRules, type Life, type Place } from "./life.ts";
import type { What } from "./steps.ts";

export const LEASE_MS = 10_000;
export const RETRY_DELAY_MS = 20_000;

/** How often a message ended, and how, as the history tells it. */
export interface Endings {
  readonly delivered: number;
  readonly dead: number;
  readonly cancelled: number;
}

/** The statements of the engine on a real database, with a clock that can be set. */
export class QueueUnderTest {
  readonly #tenantId = randomUUID();
  readonly #pool: Pool;
  /** How far the clock has been set, milliseconds. */
  #shiftMs = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Model time, milliseconds. */
  nowMs(): number {
    return Date.now() + this.#shiftMs;
  }

  /** Takes what an earlier run left out of the way: claims know no tenants. */
  async clear(): Promise<void> {
    await this.#pool.query(
      "DELETE FROM deliveries; DELETE FROM gates; DELETE FROM dispatchers; DELETE FROM deduplications",
    );
  }

  /** Sets the clock: all times that are stored move the other way, which is the same. */
  async setClock(byMs: number): Promise<void> {
    this.#shiftMs += byMs;
    const by = `${byMs} * interval '1 ms'`;
    await this.#pool.query(`
      UPDATE deliveries SET due_at = due_at - ${by}, leased_at = leased_at - ${by};
      UPDATE dispatchers SET heartbeat_at = heartbeat_at - ${by};
      UPDATE gates SET due_at = due_at - ${by}, period_started_at = period_started_at - ${by};
      UPDATE deduplications SET expires_at = expires_at - ${by};`);
  }

  /** Returns the id that answers. */
  async publish(what: What, maxRetries: number, rules: FlowRules): Promise<string> {
    const { delayMs, queue, flow, deduplication } = what;
    const due = delayMs === 0 ? ({ kind: "now" } as const) : ({ kind: "after", delayMs } as const);
    const flowControl =
      flow === null
        ? {}
        : { flowControl: { key: flow, periodSeconds: PERIOD_MS / 1_000, ...rules } };
    const message = makeMessage(
      {
        tenantId: this.#tenantId,
        wire: "qstash",
        destination: "http://127.0.0.1:9/",
        method: "POST",
        headers: {},
        body: Buffer.from("body"),
        due,
        maxRetries,
        options: { ...(queue === null ? {} : { queueName: queue }), ...flowControl },
      },
      Date.now(),
    );
    const deduplicationKey = deduplication === null ? null : Buffer.from(deduplication);
    const virtualTime = Date.now() * 1_000;
    const [id = ""] = await insertMessages(this.#pool, [
      { message, due, deduplicationKey, virtualTime, owner: null },
    ]);
    return id;
  }

  async register(): Promise<string> {
    const id = makeUuidV7({ unixMs: Date.now(), random: randomBytes(10) });
    await registerDispatcher(this.#pool, id);
    return id;
  }

  async beat(owner: string): Promise<boolean> {
    return (await beat(this.#pool, owner)) !== null;
  }

  async promote(): Promise<number> {
    return (await promoteDue(this.#pool, 500)).promoted;
  }

  rescue(): Promise<number> {
    return rescueExpired(this.#pool, LEASE_MS);
  }

  handBack(lease: LeasedDelivery): Promise<void> {
    return handBack(this.#pool, [lease]);
  }

  releaseForgotten(owner: string, known: ReadonlySet<string>): Promise<number> {
    return releaseForgotten(this.#pool, owner, known, LEASE_MS);
  }

  cancel(id: string): Promise<number> {
    return cancelMessages(this.#pool, this.#tenantId, { kind: "ids", messageIds: [id] });
  }

  openGates(owner: string, count: number): Promise<readonly LeasedDelivery[]> {
    return openGates(this.#pool, owner, count);
  }

  async claim(owner: string, count: number): Promise<readonly LeasedDelivery[]> {
    return (await claimDeliveries(this.#pool, owner, count)).leased;
  }

  /** As `openGates`, by a process that dies before its n-th statement. */
  async openGatesAndCrash(owner: string, count: number, statements: number): Promise<void> {
    let left = statements;
    const dying = <Target extends object>(target: Target): Target =>
      new Proxy(target, {
        get(real, name) {
          const member: unknown = Reflect.get(real, name, real);
          if (typeof member !== "function") return member;
          if (name === "connect") {
            return async () => {
              const client: unknown = await member.call(real);
              return typeof client === "object" && client !== null ? dying(client) : client;
            };
          }
          if (name !== "query") return member.bind(real) as unknown;
          return (...words: unknown[]) => {
            left -= 1;
            if (left < 0) throw new Error("the process died");
            return member.apply(real, words) as unknown;
          };
        },
      });
    await openGates(dying(this.#pool), owner, count).catch(() => undefined);
  }

  /** Says whether the outcome counted. */
  async record(lease: LeasedDelivery, outcome: "delivered" | "retry" | "dead"): Promise<boolean> {
    const nowMs = Date.now();
    const [counted = false] = await writeOutcomes(this.#pool, [
      {
        leased: lease,
        outcome,
        startedAtMs: nowMs,
        endedAtMs: nowMs,
        retryDelayMs: outcome === "retry" ? RETRY_DELAY_MS : null,
        deadLetterId: outcome === "dead" ? randomUUID() : null,
        status: outcome === "delivered" ? 200 : 500,
        responseHeaders: null,
        responseBody: null,
        error: null,
        sentBytes: 1,
        callbacks: [],
      },
    ]);
    return counted;
  }

  /** Everything that is still to be delivered. */
  async lives(): Promise<ReadonlyMap<string, Life>> {
    const { rows } = await this.#pool.query<LifeRow>(
      `SELECT message_id AS id, (extract(epoch FROM due_at) * 1000)::float8 AS due_ms,
         virtual_time IS NOT NULL AS is_ready, owner,
         (extract(epoch FROM leased_at) * 1000)::float8 AS leased_ms,
         retried, queue, queue_passed, flow_key AS flow, gate
       FROM deliveries WHERE tenant_id = $1`,
      [this.#tenantId],
    );
    const onModelTime = (ms: number | null) => (ms === null ? null : ms + this.#shiftMs);
    const lives = rows.map((row) => ({
      id: row.id,
      place: placeOf(row),
      dueMs: onModelTime(row.due_ms),
      owner: row.owner,
      leasedMs: onModelTime(row.leased_ms),
      retried: row.retried,
      queue: row.queue,
      queuePassed: row.queue_passed,
      flow: row.flow,
    }));
    return new Map(lives.map((life) => [life.id, life]));
  }

  /** Of every message that was stored. */
  async endings(): Promise<ReadonlyMap<string, Endings>> {
    const { rows } = await this.#pool.query<{ id: string } & Endings>(
      `SELECT m.id, count(*) FILTER (WHERE l.outcome = 'delivered')::int AS delivered,
         (SELECT count(*)::int FROM dead_letters d
          WHERE d.tenant_id = m.tenant_id AND d.message_id = m.id) AS dead,
         count(*) FILTER (WHERE l.outcome IN ('cancelled', 'abandoned'))::int AS cancelled
       FROM messages m LEFT JOIN delivery_logs l ON l.tenant_id = m.tenant_id AND l.message_id = m.id
       WHERE m.tenant_id = $1 GROUP BY m.tenant_id, m.id`,
      [this.#tenantId],
    );
    return new Map(rows.map(({ id, ...endings }) => [id, endings]));
  }
}

interface LifeRow {
  readonly id: string;
  readonly due_ms: number | null;
  readonly is_ready: boolean;
  readonly owner: string | null;
  readonly leased_ms: number | null;
  readonly retried: number;
  readonly queue: string | null;
  readonly queue_passed: boolean;
  readonly flow: string | null;
  readonly gate: number | null;
}

function placeOf({ owner, is_ready, due_ms, gate }: LifeRow): Place {
  if (owner !== null) return "leased";
  if (is_ready) return "ready";
  if (due_ms !== null) return "delayed";
  return gate === 1 ? "at queue" : "at flow";
}
