import { randomBytes, randomUUID } from "node:crypto";

import { callbackCommand } from "@omnistore/domain/callback/callback-command";
import { planCallbacks } from "@omnistore/domain/callback/plan-callbacks";
import type { Callback, Message, MessageOptions } from "@omnistore/domain/message/message";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import { BUDGETS, windowAt } from "@omnistore/domain/tenant/budget";
import { PLANS } from "@omnistore/domain/tenant/plans";
import { cancelMessages } from "@omnistore/engine/cancel/cancel-messages";
import { claimDeliveries } from "@omnistore/engine/claim/claim-deliveries.sql";
import { promoteDue } from "@omnistore/engine/claim/promote-due.sql";
import type { EngineCore } from "@omnistore/engine/core";
import { openGates } from "@omnistore/engine/gate/open-gates";
import { beat, registerDispatcher } from "@omnistore/engine/lease/heartbeat.sql";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import { makeMessage } from "@omnistore/engine/publish/make-message";
import { OutcomeRecorder } from "@omnistore/engine/record/outcome-recorder";
import type { Outcome } from "@omnistore/engine/record/write-outcomes.sql";
import { handBack } from "@omnistore/engine/rescue/hand-back.sql";
import { releaseForgotten } from "@omnistore/engine/rescue/release-forgotten.sql";
import { rescueExpired } from "@omnistore/engine/rescue/rescue-expired.sql";
import { insertMessages } from "@omnistore/engine/store/insert-messages.sql";
import { TenantPlans } from "@omnistore/engine/tenant-plans";
import { Vault } from "@omnistore/engine/vault";

import { DyingProcess, isDeath } from "./dying-process.ts";
import { FLOWS, PERIOD_MS, type CallbackKind, type Ending, type Life, type Place } from "./life.ts";
import type { AskedCallback, What } from "./steps.ts";

export const LEASE_MS = 10_000;
export const RETRY_DELAY_MS = 20_000;
/** Never reached: with it callbacks are counted against the day, in the transaction that stores them. */
const MESSAGES_PER_DAY = 1_000_000;

/** How often a message ended, and how, as the history tells it. */
export interface Endings {
  readonly delivered: number;
  readonly dead: number;
  readonly cancelled: number;
  /** Attempts that ended, whatever came of them. */
  readonly attempts: number;
}

/** What it needs of an engine. */
export type QueueParts = Pick<EngineCore, "pool" | "clock" | "vault" | "plans">;

/** The statements of the engine on a real database, with a clock that can be set. */
export class QueueUnderTest {
  readonly #tenantId = randomUUID();
  readonly #parts: QueueParts;
  /** What was published, and every callback that an attempt made, stored or not. */
  readonly #messages = new Map<string, Message>();
  readonly #families = new Map<string, string>();
  /** How far the clock has been set, milliseconds. */
  #shiftMs = 0;

  readonly #day: number;

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.#day = windowAt("day", parts.clock.nowMs());
  }

  /** Model time, milliseconds. */
  nowMs(): number {
    return Date.now() + this.#shiftMs;
  }

  /** Takes what an earlier run left out of the way, as claims know no tenants, and makes a tenant. */
  async start(): Promise<void> {
    const { pool, vault } = this.#parts;
    await pool.query(
      "DELETE FROM deliveries; DELETE FROM gates; DELETE FROM dispatchers; DELETE FROM deduplications",
    );
    const { dataKey, encryptionKeyId } = vault.masterKeys.makeDataKey(this.#tenantId);
    await pool.query(
      `INSERT INTO tenants
         (tenant_id, name, data_key, encryption_key_id, current_signing_key, next_signing_key, limits)
       VALUES ($1, 'model', $2, $3, '', '', $4)`,
      [this.#tenantId, dataKey, encryptionKeyId, { messagesPerDay: MESSAGES_PER_DAY }],
    );
    vault.learn(this.#tenantId, dataKey, encryptionKeyId);
  }

  /** Sets the clock: all times that are stored move the other way, which is the same. */
  async setClock(byMs: number): Promise<void> {
    this.#shiftMs += byMs;
    const by = `${byMs} * interval '1 ms'`;
    await this.#parts.pool.query(`
      UPDATE deliveries SET due_at = due_at - ${by}, leased_at = leased_at - ${by};
      UPDATE dispatchers SET heartbeat_at = heartbeat_at - ${by};
      UPDATE gates SET due_at = due_at - ${by}, period_started_at = period_started_at - ${by};
      UPDATE deduplications SET expires_at = expires_at - ${by};`);
  }

  /** Returns the id that answers. */
  async publish(what: What, maxRetries: number): Promise<string> {
    const { delayMs, queue, flow, deduplication, callback, failureCallback } = what;
    const due = delayMs === 0 ? ({ kind: "now" } as const) : ({ kind: "after", delayMs } as const);
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
        options: {
          ...(queue === null ? {} : { queueName: queue }),
          ...flowControl(flow),
          ...(callback === null ? {} : { callback: callbackOf(callback, "callback") }),
          ...(failureCallback === null
            ? {}
            : { failureCallback: callbackOf(failureCallback, "failure callback") }),
        },
      },
      Date.now(),
      PLANS.development,
    );
    this.#messages.set(message.id, message);
    const deduplicationKey = deduplication === null ? null : Buffer.from(deduplication);
    const virtualTime = Date.now() * 1_000;
    const [id = ""] = await insertMessages(this.#parts.pool, [
      { message, due, deduplicationKey, virtualTime, owner: null },
    ]);
    return id;
  }

  async register(): Promise<string> {
    const id = makeUuidV7({ unixMs: Date.now(), random: randomBytes(10) });
    await registerDispatcher(this.#parts.pool, id);
    return id;
  }

  async beat(owner: string): Promise<boolean> {
    return (await beat(this.#parts.pool, owner)) !== null;
  }

  async promote(): Promise<number> {
    return (await promoteDue(this.#parts.pool, 500)).promoted;
  }

  rescue(): Promise<number> {
    return rescueExpired(this.#parts.pool, LEASE_MS);
  }

  handBack(lease: LeasedDelivery): Promise<void> {
    return handBack(this.#parts.pool, [lease]);
  }

  releaseForgotten(owner: string, known: ReadonlySet<string>): Promise<number> {
    return releaseForgotten(this.#parts.pool, owner, known, LEASE_MS);
  }

  cancel(id: string): Promise<number> {
    return cancelMessages(this.#parts.pool, this.#tenantId, { kind: "ids", messageIds: [id] });
  }

  openGates(owner: string, count: number): Promise<readonly LeasedDelivery[]> {
    return openGates(this.#parts.pool, owner, count);
  }

  async claim(owner: string, count: number): Promise<readonly LeasedDelivery[]> {
    return (await claimDeliveries(this.#parts.pool, owner, count)).leased;
  }

  /** As `openGates`, by a process that dies before its n-th statement. */
  async openGatesAndCrash(owner: string, count: number, statements: number): Promise<void> {
    const process = new DyingProcess(this.#parts.pool, statements);
    await openGates(process.pool, owner, count).catch((error: unknown) => {
      if (!isDeath(error)) throw error;
    });
    await process.end();
  }

  /** The end of an attempt with its callbacks, as a dispatcher makes them. */
  makeOutcome(leased: LeasedDelivery, outcome: Ending): Outcome {
    const nowMs = this.#parts.clock.nowMs();
    const source = this.#messages.get(leased.messageId);
    if (source === undefined) throw new Error(`nobody published ${leased.messageId}`);
    const callbacks = planCallbacks(source.options, outcome).map(({ callback }) => {
      const command = callbackCommand(callback, source, Buffer.from("what happened"), nowMs);
      const message = makeMessage(command, nowMs, PLANS.development);
      this.#messages.set(message.id, message);
      this.#families.set(message.id, this.#familyOf(source.id));
      return { message, due: command.due };
    });
    return {
      leased,
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
      callbacks,
    };
  }

  /** Records a batch; says of each outcome whether it counted. */
  async record(batch: readonly Outcome[]): Promise<readonly boolean[]> {
    const { counted, errors } = await recordBatch(this.#parts, batch);
    if (errors.length > 0) throw errors[0];
    return counted;
  }

  /** As `record`, by a process that dies, or loses its connection, before its n-th statement. */
  async recordCutOff(batch: readonly Outcome[], statements: number): Promise<void> {
    const { vault, clock, pool } = this.#parts;
    const process = new DyingProcess(pool, statements);
    const { masterKeys } = vault;
    // It knows no keys and plans yet, so that it asks for the keys in the middle of the transaction.
    const asking = new Vault({ pool: process.pool, masterKeys, sealsContent: true });
    const parts = {
      pool: process.pool,
      vault: asking,
      plans: new TenantPlans(process.pool),
      clock,
    };
    const { errors } = await recordBatch(parts, batch);
    await process.end();
    const fault = errors.find((error) => !isDeath(error));
    if (fault !== undefined) throw fault;
  }

  #familyOf(id: string): string {
    return this.#families.get(id) ?? id;
  }

  /** Everything that is still to be delivered. */
  async lives(): Promise<ReadonlyMap<string, Life>> {
    const { rows } = await this.#parts.pool.query<LifeRow>(
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
      family: this.#familyOf(row.id),
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

  /** How many callbacks were counted against the day; null when another day has begun. */
  async charged(): Promise<number | null> {
    const { rows } = await this.#parts.pool.query<{ charged: number; is_today: boolean }>(
      `SELECT leased::int AS charged, window_number = $3 AS is_today
       FROM budgets WHERE tenant_id = $1 AND kind = $2`,
      [this.#tenantId, BUDGETS.day.kind, this.#day],
    );
    const [row = { charged: 0, is_today: true }] = rows;
    return row.is_today ? row.charged : null;
  }

  /** Of every message that was stored. */
  async endings(): Promise<ReadonlyMap<string, Endings>> {
    const { rows } = await this.#parts.pool.query<{ id: string } & Endings>(
      `SELECT m.id, count(*) FILTER (WHERE l.outcome = 'delivered')::int AS delivered,
         (SELECT count(*)::int FROM dead_letters d
          WHERE d.tenant_id = m.tenant_id AND d.message_id = m.id) AS dead,
         count(*) FILTER (WHERE l.outcome IN ('cancelled', 'abandoned'))::int AS cancelled,
         count(*) FILTER (WHERE l.outcome IN ('delivered', 'retry', 'dead'))::int AS attempts
       FROM messages m LEFT JOIN delivery_logs l ON l.tenant_id = m.tenant_id AND l.message_id = m.id
       WHERE m.tenant_id = $1 GROUP BY m.tenant_id, m.id`,
      [this.#tenantId],
    );
    return new Map(rows.map(({ id, ...endings }) => [id, endings]));
  }
}

/** By a recorder that does not try again by itself: what failed is told. */
async function recordBatch(
  parts: QueueParts,
  batch: readonly Outcome[],
): Promise<{ counted: readonly boolean[]; errors: readonly unknown[] }> {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const recorder = new OutcomeRecorder({ ...parts, onStored: () => undefined, onError });
  await recorder.close();
  const counted = await Promise.all(batch.map((outcome) => recorder.record(outcome)));
  return { counted, errors };
}

function flowControl(key: string | null): Pick<MessageOptions, "flowControl"> {
  if (key === null) return {};
  const periodSeconds = PERIOD_MS / 1_000;
  return { flowControl: { key, periodSeconds, ...FLOWS.get(key) } };
}

function callbackOf({ delayMs, flow }: AskedCallback, kind: CallbackKind): Callback {
  const url = `http://127.0.0.1:9/${kind.replace(" ", "-")}`;
  const delay = delayMs === 0 ? {} : { delayMs };
  return { url, method: "POST", headers: {}, ...delay, options: flowControl(flow) };
}

/** Which kind of callback a message is. */
export function callbackKindOf({ destination }: Message): CallbackKind {
  return destination.endsWith("/failure-callback") ? "failure callback" : "callback";
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
