import pg from "pg";

import type { ROLES } from "./roles.ts";
import { SilentSockets } from "./silent-sockets.ts";

export type Pool = pg.Pool;

/** A pool, or one connection of it inside a transaction. */
export type Queryable = Pool | pg.ClientBase;

/** Every way to reach the database in one place; close it last. */
export interface ConnectOptions {
  readonly databaseUrl: string;
  /** What its statements run as; absent: the login role, which owns the tables. */
  readonly role?: (typeof ROLES)[keyof typeof ROLES];
  /** Most connections this process opens. */
  readonly maxConnections?: number;
  /** Told of errors on idle connections, which would otherwise end the process. */
  readonly onIdleError?: (error: Error) => void;
}

/** Longest time to make a connection, and to wait for the answer to a statement on a path of requests. */
const ANSWER_LIMIT_MS = 5_000;
/** The same for statements that may work on whole tables. */
const MAINTENANCE_LIMIT_MS = 10 * 60_000;
/** A connection knows its statements and how to go about them: it is kept from one burst to the next. */
const IDLE_CONNECTION_LIMIT_MS = 10 * 60_000;
/** After this long without a word from its client, a transaction gives back its locks. */
const IDLE_TRANSACTION_LIMIT_MS = 5_000;

/**
 * Every statement of ours has an index to go by, and the queue is empty whenever somebody looks: what the
 * planner learns then is that reading the whole table costs less, and a plan that is kept holds on to it
 * while the queue fills, reading all of it for each row. Our statements are short: compiling them never pays.
 */
const PLANNING = "SET enable_seqscan = off; SET jit = off";

/**
 * Opens a pool. Connections are made when first needed; a connection that cannot be made, or a
 * statement that is not answered, within five seconds is an error, so that callers can answer instead
 * of hanging. A peer that is gone without a word (a half-open connection) is found that way.
 */
export function connect(options: ConnectOptions): Pool {
  const { role } = options;
  const sockets = new SilentSockets();
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: ANSWER_LIMIT_MS,
    idleTimeoutMillis: IDLE_CONNECTION_LIMIT_MS,
    query_timeout: ANSWER_LIMIT_MS,
    keepAlive: true,
    stream: () => sockets.open(),
    application_name: "omnistore",
    ...(role === undefined
      ? {}
      : {
          // Awaited before the connection is handed out, and the connection given up when it fails.
          // oxlint-disable-next-line typescript/no-misused-promises -- the pool awaits it; its types do not say so
          onConnect: (client: pg.ClientBase): Promise<unknown> =>
            client.query(`SET ROLE ${role}; ${PLANNING}`),
        }),
  });
  // A connection that fails while it is checked out, between two statements, tells the next statement;
  // without a listener it would end the process.
  pool.on("connect", (client) => client.on("error", () => undefined));
  pool.on("error", (error: Error & { client?: unknown }) => {
    // The whole connection, with all that it ever prepared and the key to cancel it by: no reader of a log wants it.
    delete error.client;
    options.onIdleError?.(error);
  });
  pool.on("release", (error: unknown) => {
    if (isUnanswered(error)) sockets.closeSilentFor(ANSWER_LIMIT_MS);
  });
  return pool;
}

/** A statement off the path of requests, which may take ten minutes. */
export function maintenanceQuery(
  text: string,
  values: unknown[] = [],
): pg.QueryConfig & { readonly query_timeout: number } {
  return { text, values, query_timeout: MAINTENANCE_LIMIT_MS };
}

/** What the driver says, without a code, when `query_timeout` is over. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
}

/**
 * Runs `work` in one transaction; an error rolls back and gives up the connection. The locks of a
 * process that is paused or gone in the middle are given back by the database after five seconds.
 */
export async function inTransaction<Result>(
  pool: Pool,
  work: (client: pg.ClientBase) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query(
      `BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${IDLE_TRANSACTION_LIMIT_MS}`,
    );
    const result = await work(client);
    await client.query("COMMIT");
    client.release();
    return result;
  } catch (error) {
    // Closing the connection rolls back, also when the connection is what failed.
    client.release(error instanceof Error ? error : true);
    throw error;
  }
}
