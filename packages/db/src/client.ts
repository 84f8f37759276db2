import pg from "pg";

export type Pool = pg.Pool;

/** A pool, or one connection of it inside a transaction. */
export type Queryable = Pool | pg.ClientBase;

/** Every way to reach the database in one place; close it last. */
export interface ConnectOptions {
  readonly databaseUrl: string;
  /** Most connections this process opens. */
  readonly maxConnections?: number;
  /** Told of errors on idle connections, which would otherwise end the process. */
  readonly onIdleError?: (error: Error) => void;
}

/**
 * Opens a pool. Connections are made when first needed; a connection that cannot be made within
 * five seconds is an error, so that callers can answer instead of hanging.
 */
export function connect(options: ConnectOptions): Pool {
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    application_name: "omnistore",
  });
  pool.on("error", (error) => options.onIdleError?.(error));
  return pool;
}

/** Runs `work` in one transaction; an error rolls back and gives up the connection. */
export async function inTransaction<Result>(
  pool: Pool,
  work: (client: pg.ClientBase) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    client.release();
    return result;
  } catch (error) {
    // Closing the connection rolls back, also when the connection is what failed.
    client.release(true);
    throw error;
  }
}
