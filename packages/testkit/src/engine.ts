import { randomBytes, randomUUID } from "node:crypto";

import { connect, type Pool, type Queryable } from "@omnistore/db/client";
import type { Message } from "@omnistore/domain/message/message";
import type { ScheduleWire, TemplateSettings } from "@omnistore/domain/schedule/schedule-wire";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import type { PublishCommand } from "@omnistore/domain/publish/publish-command";
import { PLANS } from "@omnistore/domain/tenant/plans";
import { claimDeliveries } from "@omnistore/engine/claim/claim-deliveries.sql";
import { createCore, type CoreOptions, type EngineCore } from "@omnistore/engine/core";
import { ScheduleRunner } from "@omnistore/engine/schedule/run-due";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import { registerDispatcher } from "@omnistore/engine/lease/heartbeat.sql";
import { storedContent } from "@omnistore/engine/message-row";
import { makeMessage } from "@omnistore/engine/publish/make-message";
import type { Outcome } from "@omnistore/engine/record/write-outcomes.sql";
import { insertMessages, type NewMessage } from "@omnistore/engine/store/insert-messages.sql";

import { freshDatabase } from "./postgres.ts";

/** The engine's parts on a database of their own, for tests of single statements. */
export interface TestEngine {
  readonly core: EngineCore;
  /** Runs as the login role: makes and drops tables, which the core may not. */
  readonly owner: Pool;
  /** A tenant nobody else has. */
  readonly tenantId: string;
  command(over?: Partial<PublishCommand>): PublishCommand;
  /** Stores a message, ready unless told otherwise, without a writer in between. */
  store(
    over?: Partial<PublishCommand>,
    place?: Partial<NewMessage>,
    db?: Queryable,
  ): Promise<Message>;
  /** A dispatcher that is alive as far as the database knows. */
  dispatcher(): Promise<string>;
  /** Stores a message and leases it to a dispatcher of its own. */
  lease(): Promise<LeasedDelivery>;
  /** The end of an attempt, delivered unless told otherwise. */
  outcome(leased: LeasedDelivery, over?: Partial<Outcome>): Outcome;
  /** The queue's row of a message, or undefined when it has left. */
  delivery(messageId: string): Promise<Record<string, unknown> | undefined>;
  count(table: string): Promise<number>;
  /** Fires schedules; its wire reads own settings as JSON of a template's settings, and lets the topic add headers. */
  scheduleRunner(): ScheduleRunner;
  stop(): Promise<void>;
}

/** Own settings are the JSON of a template's settings; the topic may add headers. */
const settingsWith: ScheduleWire["settingsWith"] = (own, headers) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- tests write what it says
  const settings = JSON.parse(own) as TemplateSettings;
  return { ...settings, headers: { ...headers, ...settings.headers } };
};

export async function startEngine(options: Partial<CoreOptions> = {}): Promise<TestEngine> {
  const database = await freshDatabase();
  const encryptionKey = randomBytes(32);
  const core = createCore({
    databaseUrl: database.url,
    encryptionKey,
    sealsContent: false,
    ...options,
  });
  await core.start();
  const owner = connect({ databaseUrl: database.url, maxConnections: 2 });
  const tenantId = randomUUID();

  const command = (over: Partial<PublishCommand> = {}): PublishCommand => ({
    tenantId,
    wire: "qstash",
    destination: "http://127.0.0.1:9/",
    method: "POST",
    headers: {},
    body: Buffer.from("body"),
    due: { kind: "now" },
    maxRetries: 3,
    options: {},
    ...over,
  });

  const engine: TestEngine = {
    core,
    owner,
    tenantId,
    command,
    async store(over, place, db = core.pool) {
      const given = command(over);
      const message = makeMessage(given, core.clock.nowMs(), PLANS.development);
      const virtualTime = Math.round(core.clock.nowMs() * 1000);
      await insertMessages(db, [
        {
          message,
          due: given.due,
          deduplicationKey: null,
          owner: null,
          virtualTime,
          content: storedContent(message, await core.vault.sealingKey(message.tenantId)),
          ...place,
        },
      ]);
      return message;
    },
    async dispatcher() {
      const id = makeUuidV7({ unixMs: Date.now(), random: randomBytes(10) });
      await registerDispatcher(core.pool, id);
      return id;
    },
    async lease() {
      const message = await engine.store();
      const { leased } = await claimDeliveries(core.pool, await engine.dispatcher(), 500);
      const mine = leased.find(({ messageId }) => messageId === message.id);
      if (!mine) throw new Error("the stored message was not claimed");
      return mine;
    },
    outcome(leased, over) {
      const now = core.clock.nowMs();
      return {
        leased,
        outcome: "delivered",
        startedAtMs: now - 5,
        endedAtMs: now,
        retryDelayMs: null,
        deadLetterId: null,
        status: 200,
        responseHeaders: null,
        responseBody: null,
        error: null,
        sentBytes: 4,
        callbacks: [],
        ...over,
      };
    },
    scheduleRunner() {
      return new ScheduleRunner({ ...core, wires: { qstash: { settingsWith } } });
    },
    async delivery(messageId) {
      const { rows } = await core.pool.query<Record<string, unknown>>(
        "SELECT * FROM deliveries WHERE tenant_id = $1 AND message_id = $2",
        [tenantId, messageId],
      );
      return rows[0];
    },
    async count(table) {
      const { rows } = await core.pool.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM ${table}`,
      );
      return rows[0]?.n ?? -1;
    },
    async stop() {
      await core.stop();
      await owner.end();
      await database.drop();
    },
  };
  return engine;
}
