import { randomUUID } from "node:crypto";

import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { pgTable, text, uuid } from "drizzle-orm/pg-core";
import { Hono } from "hono";
import pg from "pg";
import { PgBoss } from "pg-boss";

import { answerQuestions } from "../lab/remote.ts";
import { serve } from "../lab/serve.ts";

const QUEUE = "messages";

const messages = pgTable("messages", { id: uuid().primaryKey(), body: text().notNull() });

/** Lets pg-boss take part in the transaction of a connection. */
function executorOf(client: pg.ClientBase) {
  return {
    executeSql: (statement: string, values?: unknown[]) =>
      client.query<Record<string, unknown>>(statement, values),
  };
}

/** The way it is first written: for each request a transaction that stores the message and sends its job. */
async function listen(databaseUrl: string): Promise<number> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  const db = drizzle(pool);
  await db.execute(sql`CREATE TABLE messages (id uuid PRIMARY KEY, body text NOT NULL)`);
  const boss = new PgBoss({ connectionString: databaseUrl, supervise: false, schedule: false });
  await boss.start();
  await boss.createQueue(QUEUE);

  const app = new Hono().post("/publish", async (c) => {
    const body = await c.req.text();
    const id = randomUUID();
    const client = await pool.connect();
    try {
      await drizzle(client).transaction(async (transaction) => {
        await transaction.insert(messages).values({ id, body });
        await boss.send(QUEUE, { id }, { db: executorOf(client) });
      });
    } finally {
      client.release();
    }
    return c.json({ messageId: id });
  });
  return serve(app);
}

const handlers = { listen };

export type NaiveEndpointProcess = typeof handlers;

answerQuestions(handlers);
