import { inTransaction, type Pool, type Queryable } from "@omnistore/db/client";
import type { WireName } from "@omnistore/domain/message/message";
import { utcDay, utcDayText } from "@omnistore/domain/message/utc-day";
import { type Cron, parseCron } from "@omnistore/domain/schedule/cron";
import { decideDue, type DueDecision } from "@omnistore/domain/schedule/missed";
import { nextRun } from "@omnistore/domain/schedule/next-run";
import type { ScheduleWire } from "@omnistore/domain/schedule/schedule-wire";
import { topicNameOf } from "@omnistore/domain/topic/topic-name";
import { planOf } from "@omnistore/domain/tenant/plans";
import { LRUCache } from "lru-cache";

import type { Bandwidth } from "../bandwidth.ts";
import { isFaultOfTheData } from "../group-commit.ts";
import { TransactionStore } from "../publish/transaction-store.ts";
import { tenantsOfSealed } from "../sealed-content.ts";
import { selectReceivers, type TopicReceivers } from "../topic/select-receivers.sql.ts";
import type { TenantPlans } from "../tenant-plans.ts";
import type { Vault } from "../vault.ts";
import { isMissingPartition, withPartitions } from "../with-partitions.ts";
import {
  advance,
  dueSoon,
  lockDue,
  nextDueInMs,
  takeBack,
  type DueRow,
} from "./due-schedules.sql.ts";
import { withinPlan } from "./within-plan.ts";
import { planDue, reasonOf, type DuePlan, type ScheduleNotice } from "./plan-due.ts";

export interface DueRun {
  /** Messages stored. */
  readonly fired: number;
  /** Milliseconds until there is something to do again (0: at once); null when nothing is in sight. */
  readonly nextInMs: number | null;
  /** There may be more that is due: the batch was full. */
  readonly isFull: boolean;
  readonly notices: readonly ScheduleNotice[];
}

export interface ScheduleRunnerParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly plans: TenantPlans;
  readonly bandwidth: Bandwidth;
  readonly wires: Readonly<Record<WireName, ScheduleWire>>;
}

/** Schedules of one transaction: enough to be cheap, few enough to be done in some ten milliseconds. */
const BATCH = 500;
/** What is left of a tenant that is gone is limited by nothing. */
const PLAN_OF_NOBODY = planOf("development", {});
/** While another scheduler holds what is due. */
const CONTENDED_MS = 100;
/** Crons and their coming ticks: a few KB each. */
const REMEMBERED = 10_000;
/** How far ahead is worked out, and how many at a time. */
const PREPARE_HORIZON_MS = 2_500;
const PREPARE_PIECE = 25;

/**
 * Fires what is due. Any number of these may run against one database: a schedule is locked while it
 * fires, and its tick, its messages and its next time are written in one transaction.
 */
export class ScheduleRunner {
  readonly #pool: Pool;
  readonly #vault: Vault;
  readonly #plans: TenantPlans;
  readonly #bandwidth: Bandwidth;
  readonly #wires: ScheduleRunnerParts["wires"];
  readonly #store: TransactionStore;
  readonly #crons = new LRUCache<string, Cron>({ max: REMEMBERED });
  readonly #followings = new LRUCache<string, { ms: number | null }>({ max: REMEMBERED });

  constructor({ pool, vault, plans, bandwidth, wires }: ScheduleRunnerParts) {
    this.#pool = pool;
    this.#vault = vault;
    this.#plans = plans;
    this.#bandwidth = bandwidth;
    this.#wires = wires;
    this.#store = new TransactionStore(vault);
  }

  /** One batch of what is due, if anything is. `atMs` takes the place of the database's time in simulations. */
  async runDue(atMs: number | null = null): Promise<DueRun> {
    const dueInMs = await nextDueInMs(this.#pool, atMs);
    if (dueInMs === null || dueInMs > 0) {
      return { fired: 0, nextInMs: dueInMs, isFull: false, notices: [] };
    }
    let tickDays: readonly string[] = [];
    return withPartitions(
      this.#pool,
      () =>
        inTransaction(this.#pool, async (client) => {
          const rows = await lockDue(client, BATCH, atMs);
          const topics = await topicsOf(client, rows);
          const ofSealedTopics = rows.flatMap((row) =>
            topics.get(row)?.sealedHeaders ? [row.tenant_id] : [],
          );
          const keys = await this.#vault.keysOf([...tenantsOfSealed(rows), ...ofSealedTopics]);
          const tenants = await this.#plans.of(rows.map((row) => row.tenant_id));
          const plans = rows.map((row) => {
            const topic = topics.get(row);
            const plan = tenants.get(row.tenant_id) ?? PLAN_OF_NOBODY;
            const context = { keys, wires: this.#wires, topic, plan };
            return planDue(row, () => this.#decide(row), context);
          });
          tickDays = daysOf(plans);
          const nowMs = rows[0]?.now_ms ?? 0;
          const spent = await this.#bandwidth.spentBy(tenants);
          const closed = new Set(rows.flatMap((row) => (row.is_closed ? [row.tenant_id] : [])));
          const allowed = await withinPlan(client, { tenants, spent, closed, nowMs }, plans);
          const { fired, notices } = await this.#carryOut(client, allowed, nowMs);
          const nextInMs = rows.length === 0 ? CONTENDED_MS : 0;
          return { fired, nextInMs, isFull: isFull(rows), notices };
        }),
      () => tickDays,
    );
  }

  /**
   * Works out beforehand what will be due soon, so that a burst of many different crons finds its
   * answers ready. In small pieces, and no longer than `withinMs`: nothing waits for it.
   */
  async prepare(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    const soon = await dueSoon(this.#pool, PREPARE_HORIZON_MS, REMEMBERED);
    for (const [index, { cron: text, due_ms }] of soon.entries()) {
      if (index % PREPARE_PIECE === 0) await new Promise((resolve) => setImmediate(resolve));
      if (performance.now() > deadline) return;
      const cron = this.#cron(text);
      if (cron !== null) this.#following(cron, due_ms);
    }
  }

  #decide(row: DueRow): DueDecision | null {
    const cron = this.#cron(row.cron);
    if (cron === null) return null;
    return decideDue(cron, row.due_ms, row.now_ms, this.#following(cron, row.due_ms));
  }

  /** The tick after another one. Schedules of the same cron share the answer. */
  #following(cron: Cron, dueMs: number): number | null {
    const key = `${dueMs} ${cron.text}`;
    const known = this.#followings.get(key);
    if (known !== undefined) return known.ms;
    const ms = nextRun(cron, dueMs);
    this.#followings.set(key, { ms });
    return ms;
  }

  #cron(text: string): Cron | null {
    const known = this.#crons.get(text);
    if (known) return known;
    const cron = parseCron(text);
    if (cron.kind === "invalid") return null;
    this.#crons.set(text, cron);
    return cron;
  }

  async #carryOut(
    client: Queryable,
    plans: readonly DuePlan[],
    nowMs: number,
  ): Promise<{ fired: number; notices: ScheduleNotice[] }> {
    const notices = plans.flatMap((plan) => plan.notices);
    if (plans.length === 0) return { fired: 0, notices };
    const noted = await advance(
      client,
      plans.map((plan) => plan.advance),
    );
    const firing = plans.filter(({ stores: [first] }) => first && noted.has(first.message.id));
    const { fired, refused } = await this.#storeAll(client, firing, nowMs);
    return { fired, notices: [...notices, ...refused] };
  }

  /** Stores all messages at once; when the database refuses a value, schedule by schedule. */
  async #storeAll(
    client: Queryable,
    plans: readonly DuePlan[],
    nowMs: number,
  ): Promise<{ fired: number; refused: readonly ScheduleNotice[] }> {
    const batch = plans.flatMap(({ stores }) => stores);
    await client.query("SAVEPOINT batch");
    try {
      await this.#store.store(client, batch, nowMs);
      return { fired: batch.length, refused: [] };
    } catch (cause) {
      if (!isFaultOfTheData(cause) || isMissingPartition(cause)) throw cause;
      await client.query("ROLLBACK TO SAVEPOINT batch");
      const [only] = plans;
      if (plans.length === 1 && only !== undefined) {
        const error = reasonOf(cause);
        await takeBack(client, only.advance, error);
        const { tenantId, scheduleId } = only.advance;
        return { fired: 0, refused: [{ tenantId, scheduleId, kind: "failed", error }] };
      }
      const middle = plans.length >> 1;
      const left = await this.#storeAll(client, plans.slice(0, middle), nowMs);
      const right = await this.#storeAll(client, plans.slice(middle), nowMs);
      return {
        fired: left.fired + right.fired,
        refused: [...left.refused, ...right.refused],
      };
    }
  }
}

/** Whether there may be more that is due: as many were found as were looked for, or larger ones than fit. */
function isFull(rows: readonly DueRow[]): boolean {
  const found = rows[0]?.found ?? 0;
  return found === BATCH || found > rows.length;
}

/** The topics that schedules go to, as they are now. */
async function topicsOf(
  client: Queryable,
  rows: readonly DueRow[],
): Promise<ReadonlyMap<DueRow, TopicReceivers>> {
  const toTopics = rows.filter(({ destination }) => topicNameOf(destination) !== null);
  if (toTopics.length === 0) return new Map();
  const found = await selectReceivers(
    client,
    toTopics.map((row) => ({ tenantId: row.tenant_id, name: row.destination })),
  );
  return new Map(
    toTopics.flatMap((row, index) => {
      const topic = found[index];
      return topic === undefined ? [] : [[row, topic] as const];
    }),
  );
}

function daysOf(plans: readonly DuePlan[]): readonly string[] {
  return plans.flatMap(({ advance: { tick } }) =>
    tick === null ? [] : [utcDayText(utcDay(tick.atMs))],
  );
}
